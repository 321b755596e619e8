/**
 * Weights of convolutions as 8-bit integers, from which float32 is computed when they are read: runtimes multiply whole
 * numbers in convolutions (ConvInteger) only here and there.
 */
import type { OnnxNode, OnnxTensor } from "../../formats/onnx/graph.js";
import { byColumns, floatsOf, nodeOf, type Replacement, tensorOf, zeroByte } from "./quantization.js";

/** Tensors and nodes that take the place of a convolution; undefined for any other node. */
export function storedAsBytes(node: OnnxNode, stored: ReadonlyMap<string, OnnxTensor>): Replacement | undefined {
  const weight = node.type === "Conv" ? stored.get(node.inputs[1]) : undefined;
  if (!weight) return undefined;
  const { name, shape } = weight;
  const [out, ...kernel] = shape;
  const each = kernel.reduce((n, d) => n * d, 1);
  // With the outputs as columns, as in a product.
  const source = floatsOf(weight);
  const turned = source.map((_, i) => source[(i % out) * each + Math.floor(i / out)]);
  const { bytes: turnedBytes, scales } = byColumns({ weight: tensorOf(name, "float32", [each, out], turned) });
  const rows = Int8Array.from(turnedBytes, (_, i) => turnedBytes[(i % each) * out + Math.floor(i / each)] - zeroByte);
  const [bytes, factors, restored] = [`${name}_int8`, `${name}_scale`, `${name}_float`];
  return {
    tensors: [tensorOf(bytes, "int8", shape, rows), tensorOf(factors, "float32", [out], scales)],
    nodes: [
      nodeOf("DequantizeLinear", [bytes, factors], [restored], { axis: { int: 0 } }),
      { ...node, inputs: [node.inputs[0], restored, ...node.inputs.slice(2)] },
    ],
  };
}
