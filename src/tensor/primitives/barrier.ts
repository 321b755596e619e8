/**
 * Identities that steer compilers: a barrier against merging, and a mark for values that the backward pass reads again.
 */
import { apply, type Primitive, type Tensor } from "../graph.js";

export const barrierPrimitive: Primitive = {
  name: "barrier",
  infer: ([x]) => [x],
  gradient: (_, [g]) => [g],
  evaluate: ([x]) => [x.data],
  expand: ({ inputs }) => inputs,
  stablehlo: ({ inputs: [x] }, emit) => [emit.op(`stablehlo.optimization_barrier ${emit.value(x)} : ${emit.type(x)}`)],
};

/** The same value, opaque to compilers: the operations that produce it are not merged with those that use it. */
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
 * value in that format, which halves the bytes to move and store.
 */
export function saved(x: Tensor): Tensor {
  return apply(savedPrimitive, [x], {});
}
