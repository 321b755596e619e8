/**
 * Identities that steer compilers: a barrier against merging, and marks for values that the backward pass reads again.
 */
import { apply, type Primitive, type Tensor } from "../graph.js";
import { add, mul } from "./arithmetic.js";
import { cast } from "./cast.js";
import { reshape } from "./layout.js";
import { slicePrimitive } from "./slicing.js";

/** Hands on the first input, once all are known. */
const allKnown: Primitive["stablehlo"] = ({ inputs }, emit) => {
  const [values, types] = [inputs.map((t) => emit.value(t)), inputs.map((t) => emit.type(t))].map((l) => l.join(", "));
  return emit.results(`stablehlo.optimization_barrier ${values} : ${types}`, inputs.length).slice(0, 1);
};

export const barrierPrimitive: Primitive = {
  name: "barrier",
  infer: ([x]) => [x],
  gradient: ({ inputs }, [g]) => inputs.map((_, i) => (i === 0 ? g : undefined)),
  evaluate: ([x]) => [x.data],
  expand: ({ inputs: [x] }) => [x],
  stablehlo: allKnown,
};

/**
 * The same value, opaque to compilers: the operations that produce it are not merged with those that use it. What reads it is
 * computed only when `earlier` is known, too.
 */
export function barrier(x: Tensor, earlier?: Tensor): Tensor {
  return apply(barrierPrimitive, earlier ? [x, earlier] : [x], {});
}

const afterPrimitive: Primitive = {
  name: "after",
  infer: ([x]) => [x],
  gradient: ({ inputs }, [g]) => inputs.map((_, i) => (i === 0 ? g : undefined)),
  // ONNX Runtime cannot leave out this sum with zero, which is no number if one of the others is not finite.
  expand: ({ inputs: [x, ...earlier] }) => {
    const zero = mul(earlier.map(firstElement).reduce(add), 0);
    return [add(x, x.dtype === "float32" ? zero : cast(zero, x.dtype))];
  },
  stablehlo: allKnown,
};

const firstElement = (x: Tensor): Tensor =>
  reshape(apply(slicePrimitive, [x], { start: x.shape.map(() => 0), end: x.shape.map(() => 1) }), []);

/**
 * The same value, opaque to compilers and computed only when the float32 tensors `earlier` are known; on some engines not a number
 * if their first elements are not finite.
 */
export function after(x: Tensor, earlier: readonly Tensor[]): Tensor {
  return earlier.length === 0 ? x : apply(afterPrimitive, [x, ...earlier], {});
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

/**
 * The same value for a gradient rule that reads it long after it was computed, when `g` is known. Where that saves memory it is
 * computed again (`Primitive.again`) instead of being kept.
 */
export function reread(x: Tensor, g: Tensor): Tensor {
  return (x.index === 0 && x.node.primitive.again?.(x.node, g)) || x;
}
