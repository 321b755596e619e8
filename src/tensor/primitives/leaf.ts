/** Values without inputs: program inputs, constants, counters. */
import { ShapeError } from "../../errors/errors.js";
import { type DType, isFloat } from "../dtype.js";
import { apply, normalizeAxis, type Primitive, type Tensor } from "../graph.js";
import { type Shape, sizeOf } from "../host.js";
import type { TensorType } from "../tensor-type.js";

/** A named input of a program: data of a step, or state that lives on the device. */
export const inputPrimitive: Primitive<{
  /** The name by which a program is given its value. */
  name: string;
  /** Its element type. */
  dtype: DType;
  /** Its shape. */
  shape: readonly number[];
}> = {
  name: "input",
  infer: (_, { dtype, shape }) => [{ dtype, shape }],
};

/** A program input of this name and type. */
export function input(name: string, dtype: DType, shape: Shape): Tensor {
  if (!shape.every((d) => Number.isInteger(d) && d >= 0)) {
    throw new ShapeError(`Input "${name}" has shape [${shape}]; every size must be a whole number, 0 or more.`);
  }
  return apply(inputPrimitive, [], { name, dtype, shape });
}

const largestConstant = 65_536;

export const constantPrimitive: Primitive<{
  /** Its element type. */
  dtype: DType;
  /** Its shape. */
  shape: readonly number[];
  /** Its elements in row-major order. */
  values: readonly number[];
}> = {
  name: "constant",
  infer: (_, { dtype, shape }) => [{ dtype, shape }],
  evaluate: (_, { values }) => [Float64Array.from(values)],
  onnx: ({ attributes }, emit) => [emit.constant(attributes.dtype, attributes.values, attributes.shape)],
  stablehlo: ({ attributes }, emit) => [emit.constant(attributes, attributes.values)],
};

/** A small constant; larger arrays (over 65,536 elements) should be program inputs. */
export function constant(dtype: DType, shape: Shape, values: readonly number[]): Tensor {
  if (values.length !== sizeOf(shape) || values.length > largestConstant) {
    throw new ShapeError(
      `A constant of shape [${shape}] needs ${sizeOf(shape)} values (at most ${largestConstant}), not ${values.length}; pass larger arrays as inputs.`,
    );
  }
  const rounded = dtype === "float32" ? values.map(Math.fround) : values;
  return apply(constantPrimitive, [], { dtype, shape, values: rounded });
}

/** A constant of shape []. */
export function scalar(value: number, dtype: DType = "float32"): Tensor {
  return constant(dtype, [], [value]);
}

const iotaPrimitive: Primitive<{ dtype: DType; shape: readonly number[]; axis: number }> = {
  name: "iota",
  infer: (_, { dtype, shape }) => [{ dtype, shape }],
  evaluate: (_, { shape, axis }) => [iotaValues(shape, axis)],
  onnx: ({ attributes: { dtype, shape, axis } }, emit) => {
    const n = shape[axis];
    const counts = emit.constant(
      dtype,
      Array.from({ length: n }, (_, i) => i),
      shape.map((d, i) => (i === axis ? d : 1)),
    );
    return sizeOf(shape) === n ? [counts] : emit.op("Expand", [counts, emit.ints(shape)]);
  },
  stablehlo: ({ attributes, outputs }, emit) => [
    emit.op(`stablehlo.iota dim = ${attributes.axis} : ${emit.type(outputs[0])}`),
  ],
};

function iotaValues(shape: Shape, axis: number): Float64Array {
  let inner = 1;
  for (let i = axis + 1; i < shape.length; i++) inner *= shape[i];
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.floor(i / inner) % shape[axis]);
}

/** Counts 0, 1, 2, … along `axis`, the same along all others. */
export function iota(dtype: DType, shape: Shape, axis: number): Tensor {
  return apply(iotaPrimitive, [], { dtype, shape, axis: normalizeAxis(axis, shape.length, "iota") });
}

/** Throws ShapeError for a tensor without a floating dtype. */
export function requireFloat(call: string, type: TensorType): void {
  if (!isFloat(type.dtype))
    throw new ShapeError(`${call} needs a floating-point tensor, but got ${type.dtype}; cast it first.`);
}
