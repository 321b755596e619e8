/** int8 weights, and uint8 activations whose ranges calibration images decide (QuantizeLinear, DequantizeLinear). */
import { EngineError } from "../../errors/errors.js";
import { largestWeight } from "./int8.js";
import { byColumns, nodeOf, type Quantization, type Ranges, type Replacement, tensorOf } from "./quantization.js";
import { withProducts } from "./rewrite.js";

export const int8Static: Quantization = {
  about: "8-bit weights and activations, whose ranges are those of calibration images (QDQ)",
  calibrated: true,
  rewrite: (graph, ranges) =>
    withProducts(graph, ({ node, weight }, isFirst) => {
      const [x] = node.inputs;
      const { values, scales } = byColumns({ weight }, largestWeight);
      const input = isFirst ? quantizedInput(x, ranges) : { nodes: [], tensors: [] };
      const [bytes, factors, zeros] = [`${weight.name}_int8`, `${weight.name}_scale`, `${weight.name}_zero`];
      return {
        nodes: [
          ...input.nodes,
          nodeOf("DequantizeLinear", [bytes, factors, zeros], [`${weight.name}_float`], { axis: { int: 1 } }),
          { ...node, inputs: [`${x}_dequantized`, `${weight.name}_float`] },
        ],
        tensors: [
          ...input.tensors,
          tensorOf(bytes, "int8", weight.shape, values),
          tensorOf(factors, "float32", [scales.length], scales),
          tensorOf(zeros, "int8", [scales.length], new Int8Array(scales.length)),
        ],
      };
    }),
};

function quantizedInput(x: string, ranges: Ranges): Replacement {
  const range = ranges.get(x);
  if (!range) throw new EngineError(`The range of "${x}" was not measured; this is a bug in deit.`);
  const [low, high] = [Math.min(0, range[0]), Math.max(0, range[1])];
  const scale = high > low ? (high - low) / 255 : 1;
  const parameters = [`${x}_scale`, `${x}_zero`];
  return {
    nodes: [
      nodeOf("QuantizeLinear", [x, ...parameters], [`${x}_uint8`]),
      nodeOf("DequantizeLinear", [`${x}_uint8`, ...parameters], [`${x}_dequantized`]),
    ],
    tensors: [
      tensorOf(`${x}_scale`, "float32", [], Float32Array.of(scale)),
      tensorOf(`${x}_zero`, "uint8", [], Uint8Array.of(Math.round(-low / scale))),
    ],
  };
}
