/** int8 weights with a factor for each output; activations are quantised to uint8 as they come. */
import type { OnnxNode, OnnxTensor } from "../../formats/onnx/graph.js";
import { storedAsBytes } from "./convolutions.js";
import {
  byColumns,
  nodeOf,
  type Quantization,
  rebuilt,
  storedTensors,
  tensorOf,
  weightProduct,
} from "./quantization.js";

/**
 * Seven bits: on processors without VNNI, ONNX Runtime adds two products of a uint8 and an int8 in 16 bits, which
 * overflow with eight.
 */
const largestWeight = 64;

export const int8: Quantization = {
  about: "8-bit weights with a factor for each output, activations quantised as they come",
  rewrite: (graph) => {
    const stored = storedTensors(graph);
    const added: OnnxTensor[] = [];
    const quantized = new Set<string>();
    const nodes = graph.nodes.flatMap((node): readonly OnnxNode[] => {
      const product = weightProduct(node, stored);
      if (!product) {
        const convolution = storedAsBytes(node, stored);
        added.push(...(convolution?.tensors ?? []));
        return convolution?.nodes ?? [node];
      }
      const { weight } = product;
      const [x] = node.inputs;
      const [y] = node.outputs;
      const { values, scales } = byColumns(product, largestWeight);
      added.push(
        tensorOf(`${weight.name}_int8`, "int8", weight.shape, values),
        tensorOf(`${weight.name}_scale`, "float32", scales.length === 0 ? [] : [scales.length], scales),
      );
      // Several products may read one value: it is quantised once.
      const before = quantized.has(x)
        ? []
        : [nodeOf("DynamicQuantizeLinear", [x], [`${x}_uint8`, `${x}_scale`, `${x}_zero`])];
      quantized.add(x);
      return [
        ...before,
        nodeOf("MatMulInteger", [`${x}_uint8`, `${weight.name}_int8`, `${x}_zero`], [`${y}_int32`]),
        nodeOf("Cast", [`${y}_int32`], [`${y}_whole`], { to: { int: 1 } }),
        nodeOf("Mul", [`${x}_scale`, `${weight.name}_scale`], [`${y}_scales`]),
        nodeOf("Mul", [`${y}_whole`, `${y}_scales`], [y]),
      ];
    });
    return rebuilt(graph, nodes, added);
  },
};
