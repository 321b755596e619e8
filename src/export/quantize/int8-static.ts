/** int8 weights, and uint8 activations whose ranges calibration images decide (QuantizeLinear, DequantizeLinear). */
import type { OnnxNode, OnnxTensor } from "../../formats/onnx/graph.js";
import { storedAsBytes } from "./convolutions.js";
import {
  byColumns,
  nodeOf,
  type Quantization,
  type Ranges,
  rebuilt,
  storedTensors,
  tensorOf,
  weightProduct,
} from "./quantization.js";

/** As in int8.ts. */
const largestWeight = 64;

export const int8Static: Quantization = {
  about: "8-bit weights and activations, whose ranges are those of calibration images (QDQ)",
  calibrated: true,
  rewrite: (graph, ranges) => {
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
      const { values, scales } = byColumns(product, largestWeight);
      added.push(
        tensorOf(`${weight.name}_int8`, "int8", weight.shape, values),
        tensorOf(`${weight.name}_scale`, "float32", [scales.length], scales),
        tensorOf(`${weight.name}_zero`, "int8", [scales.length], new Int8Array(scales.length)),
      );
      const before = quantized.has(x) ? [] : quantizedInput(x, ranges, added);
      quantized.add(x);
      return [
        ...before,
        nodeOf(
          "DequantizeLinear",
          [`${weight.name}_int8`, `${weight.name}_scale`, `${weight.name}_zero`],
          [`${weight.name}_float`],
          { axis: { int: 1 } },
        ),
        { ...node, inputs: [`${x}_dequantized`, `${weight.name}_float`] },
      ];
    });
    return rebuilt(graph, nodes, added);
  },
};

function quantizedInput(x: string, ranges: Ranges, added: OnnxTensor[]): readonly OnnxNode[] {
  const [least, most] = ranges.get(x) ?? [0, 0];
  const [low, high] = [Math.min(0, least), Math.max(0, most)];
  const scale = high > low ? (high - low) / 255 : 1;
  added.push(
    tensorOf(`${x}_scale`, "float32", [], Float32Array.of(scale)),
    tensorOf(`${x}_zero`, "uint8", [], Uint8Array.of(Math.round(-low / scale))),
  );
  const parameters = [`${x}_scale`, `${x}_zero`];
  return [
    nodeOf("QuantizeLinear", [x, ...parameters], [`${x}_uint8`]),
    nodeOf("DequantizeLinear", [`${x}_uint8`, ...parameters], [`${x}_dequantized`]),
  ];
}
