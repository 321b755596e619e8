/** Reshape and transpose: the same elements under other indices. */
import { ShapeError } from "../../errors/errors.js";
import { strides } from "../dense.js";
import { applies, apply, type Primitive, sameShape, type Tensor } from "../graph.js";
import { type Shape, sizeOf } from "../host.js";
import { describe } from "../tensor-type.js";

export const reshapePrimitive: Primitive<{
  /** The shape of the result, with as many elements. */
  shape: readonly number[];
}> = {
  name: "reshape",
  trait: "aliasing",
  infer: ([x], { shape }) => {
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new ShapeError(
        `reshape cannot turn ${describe(x)} (${sizeOf(x.shape)} elements) into [${shape.join(", ")}] (${sizeOf(shape)} elements); the counts must agree.`,
      );
    }
    return [{ dtype: x.dtype, shape }];
  },
  gradient: ({ inputs }, [g]) => [g && reshape(g, inputs[0].shape)],
  evaluate: ([x]) => [x.data],
  onnx: ({ inputs, attributes }, emit) => emit.op("Reshape", [emit.value(inputs[0]), emit.ints(attributes.shape)]),
  stablehlo: ({ inputs, outputs }, emit) => [
    emit.op(`stablehlo.reshape ${emit.value(inputs[0])} : (${emit.type(inputs[0])}) -> ${emit.type(outputs[0])}`),
  ],
};

/** The elements of `x` in row-major order under a new shape; one size may be -1 and is inferred. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const unknown = shape.indexOf(-1);
  let target = shape;
  if (unknown >= 0) {
    const known = -sizeOf(shape);
    target = shape.map((d, i) => (i === unknown ? sizeOf(x.shape) / known : d));
    if (!target.every(Number.isInteger)) {
      throw new ShapeError(
        `reshape cannot turn ${describe(x)} into [${shape.join(", ")}]: ${sizeOf(x.shape)} is not divisible by ${known}.`,
      );
    }
  }
  if (sameShape(x.shape, target)) return x;
  // A reshape of a reshape is one reshape.
  const source = applies(reshapePrimitive, x.node) ? x.node.inputs[0] : x;
  if (sameShape(source.shape, target)) return source;
  return apply(reshapePrimitive, [source], { shape: target });
}

export const transposePrimitive: Primitive<{
  /** The axis of the input that each axis of the result is. */
  permutation: readonly number[];
}> = {
  name: "transpose",
  trait: "aliasing",
  infer: ([x], { permutation }) => {
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length !== x.shape.length || !sorted.every((p, i) => p === i)) {
      throw new ShapeError(
        `transpose of ${describe(x)} got [${permutation.join(", ")}]; name each of its ${x.shape.length} axes once.`,
      );
    }
    return [{ dtype: x.dtype, shape: permutation.map((p) => x.shape[p]) }];
  },
  gradient: ({ attributes: { permutation } }, [g]) => [g && transpose(g, invert(permutation))],
  evaluate: ([x], { permutation }, [out]) => {
    const from = strides(x.shape);
    const to = strides(out.shape);
    const y = new Float64Array(x.data.length);
    for (let i = 0; i < y.length; i++) {
      let rest = i;
      let source = 0;
      for (let d = 0; d < out.shape.length; d++) {
        const k = Math.floor(rest / to[d]);
        rest -= k * to[d];
        source += k * from[permutation[d]];
      }
      y[i] = x.data[source];
    }
    return [y];
  },
  onnx: ({ inputs, attributes }, emit) =>
    emit.op("Transpose", [emit.value(inputs[0])], { attributes: { perm: { ints: attributes.permutation } } }),
  stablehlo: ({ inputs, outputs, attributes }, emit) => [
    emit.op(
      `stablehlo.transpose ${emit.value(inputs[0])}, dims = [${attributes.permutation.join(", ")}] : (${emit.type(inputs[0])}) -> ${emit.type(outputs[0])}`,
    ),
  ],
};

function invert(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  permutation.forEach((p, i) => {
    inverse[p] = i;
  });
  return inverse;
}

/** Axis i of the result is axis `permutation[i]` of `x`. */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  if (permutation.length === x.shape.length && permutation.every((p, i) => p === i)) return x;
  if (applies(transposePrimitive, x.node)) {
    const first = x.node.attributes.permutation;
    return transpose(
      x.node.inputs[0],
      permutation.map((p) => first[p]),
    );
  }
  return apply(transposePrimitive, [x], { permutation });
}
