/** Conversion between dtypes, and stopping gradients. */
import { type DType, isFloat } from "../dtype.js";
import { apply, type Primitive, type Tensor } from "../graph.js";

export const castPrimitive: Primitive<{
  /** The type that is converted to. */
  dtype: DType;
}> = {
  name: "cast",
  trait: "conversion",
  infer: ([x], { dtype }) => [{ dtype, shape: x.shape }],
  gradient: ({ inputs: [x] }, [g]) => [g && isFloat(x.dtype) ? cast(g, x.dtype) : undefined],
  // All floats are doubles here, so only conversion to integers and booleans changes a value.
  evaluate: ([x], { dtype }) => [
    x.data.map((v) => (dtype === "bool" ? (v === 0 ? 0 : 1) : isFloat(dtype) ? v : Math.trunc(v))),
  ],
  onnx: ({ inputs: [x], attributes: { dtype } }, emit) =>
    emit.op("Cast", [emit.value(x)], { attributes: { to: { int: emit.dtypeCode(dtype) } } }),
  stablehlo: ({ inputs: [x], outputs: [y] }, emit) => [
    emit.op(`stablehlo.convert ${emit.value(x)} : (${emit.type(x)}) -> ${emit.type(y)}`),
  ],
};

/** `x` converted to a different dtype; floats are truncated towards zero when converted to integers. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : apply(castPrimitive, [x], { dtype });
}

const stopGradientPrimitive: Primitive = {
  name: "stopGradient",
  trait: "aliasing",
  infer: ([x]) => [x],
  evaluate: ([x]) => [x.data],
  onnx: ({ inputs: [x] }, emit) => [emit.value(x)],
  stablehlo: ({ inputs: [x] }, emit) => [emit.value(x)],
};

/** The same value; no gradient flows through it. */
export function stopGradient(x: Tensor): Tensor {
  return apply(stopGradientPrimitive, [x], {});
}
