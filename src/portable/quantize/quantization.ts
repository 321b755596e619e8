/** What a quantisation is, and what those of the products of a graph share. */
import type { OnnxGraph, OnnxNode, OnnxTensor, OperatorSet } from "../../formats/onnx/graph.js";
import type { OnnxAttribute } from "../../tensor/lowering.js";

/** Ranges of the values that the products read, by the values' names. */
export type Ranges = ReadonlyMap<string, readonly [least: number, most: number]>;

/** A number format that a float32 graph is rewritten to. */
export interface Quantization {
  /** What it is, in a few words, for help. */
  readonly about: string;
  /** Operator sets besides ONNX's own. */
  readonly operatorSets?: readonly OperatorSet[];
  /** Whether it needs the ranges of activations on calibration images. */
  readonly calibrated?: true;
  /** The graph in this format; inputs and outputs stay float32. */
  rewrite(graph: OnnxGraph, ranges: Ranges): OnnxGraph;
}

/** What takes the place of a node. */
export interface Replacement {
  readonly nodes: readonly OnnxNode[];
  readonly tensors: readonly OnnxTensor[];
}

/** A matrix product with stored weights `[in, out]`. */
export interface WeightProduct {
  readonly node: OnnxNode;
  readonly weight: OnnxTensor;
}

/** The product of a node; undefined for any other node. */
export function weightProduct(node: OnnxNode, stored: ReadonlyMap<string, OnnxTensor>): WeightProduct | undefined {
  if (node.type !== "MatMul") return undefined;
  const weight = stored.get(node.inputs[1]);
  return weight?.shape.length === 2 && weight.dtype === "float32" ? { node, weight } : undefined;
}

export const storedTensors = ({ initializers }: OnnxGraph): ReadonlyMap<string, OnnxTensor> =>
  new Map(initializers.map((tensor) => [tensor.name, tensor]));

/** The values of a float32 tensor. */
export function floatsOf({ bytes }: OnnxTensor): Float32Array {
  const copy = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(copy.buffer, copy.byteOffset, copy.byteLength / 4);
}

export const tensorOf = (
  name: string,
  dtype: OnnxTensor["dtype"],
  shape: readonly number[],
  data: ArrayBufferView,
): OnnxTensor => ({
  ...{ name, dtype, shape },
  bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});

export const nodeOf = (
  type: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
  domain: OnnxNode["domain"] = "",
): OnnxNode => ({ type, domain, inputs, outputs, attributes });

/** Bytes with a factor for each column. */
export interface ColumnBytes {
  /** 128 stands for zero. */
  readonly bytes: Uint8Array;
  readonly scales: Float32Array;
}

/** The weights `[in, out]` as whole numbers from −127 to 127 about 128, with a factor for each output. */
export function byColumns({ weight }: Pick<WeightProduct, "weight">): ColumnBytes {
  const [rows, columns] = weight.shape;
  const data = floatsOf(weight);
  const scales = new Float32Array(columns);
  data.forEach((value, i) => {
    scales[i % columns] = Math.max(scales[i % columns], Math.abs(value));
  });
  // A column of zeros stays one with any factor.
  for (let c = 0; c < columns; c++) scales[c] = scales[c] === 0 ? 1 : scales[c] / byteSide;
  const bytes = new Uint8Array(rows * columns);
  data.forEach((value, i) => {
    bytes[i] = zeroByte + Math.max(-byteSide, Math.min(byteSide, Math.round(value / scales[i % columns])));
  });
  return { bytes, scales };
}

/** The byte that stands for zero. */
export const zeroByte = 128;
/** Numbers of a byte on either side of it. */
export const byteSide = 127;
