/** Identities that steer compilers: a barrier against merging, and the mark of what the backward pass reads again. */
import { apply, type Primitive, type Tensor } from "../graph.js";

export const barrierPrimitive: Primitive = {
  name: "barrier",
  infer: ([x]) => [x],
  gradient: (_, [g]) => [g],
  evaluate: ([x]) => [x.data],
  expand: ({ inputs }) => inputs,
  stablehlo: ({ inputs: [x] }, emit) => [emit.op(`stablehlo.optimization_barrier ${emit.value(x)} : ${emit.type(x)}`)],
};

/** The same value, through which a compiler sees neither way: what it is made of is not merged with what it goes into. */
export function barrier(x: Tensor): Tensor {
  return apply(barrierPrimitive, [x], {});
}

export const savedPrimitive: Primitive = {
  name: "saved",
  infer: ([x]) => [x],
  gradient: (_, [g]) => [g],
  evaluate: ([x]) => [x.data],
  expand: ({ inputs }) => inputs,
  stablehlo: ({ inputs: [x] }, emit) => [emit.value(x)],
};

/**
 * The same value, marked in a gradient rule as one that the backward pass reads again. A bfloat16 program keeps such a
 * value in that format, so that half the bytes are moved and held.
 */
export function saved(x: Tensor): Tensor {
  return apply(savedPrimitive, [x], {});
}
