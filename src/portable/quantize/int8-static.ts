/** 8-bit weights and activations, whose ranges calibration images decide (QuantizeLinear, DequantizeLinear). */
import { EngineError } from "../../errors/errors.js";
import {
  byColumns,
  nodeOf,
  type Quantization,
  type Ranges,
  type Replacement,
  tensorOf,
  zeroByte,
} from "./quantization.js";
import { withProducts } from "./rewrite.js";

export const int8Static: Quantization = {
  about: "8-bit weights and activations, whose ranges are those of calibration images (QDQ)",
  calibrated: true,
  rewrite: (graph, ranges) =>
    withProducts(graph, ({ node, weight }, isFirst) => {
      const [x] = node.inputs;
      const { bytes, scales } = byColumns({ weight });
      const input = isFirst ? quantizedInput(x, ranges) : { nodes: [], tensors: [] };
      const [numbers, factors, zeros] = [`${weight.name}_uint8`, `${weight.name}_scale`, `${weight.name}_zero`];
      return {
        nodes: [
          ...input.nodes,
          nodeOf("DequantizeLinear", [numbers, factors, zeros], [`${weight.name}_float`], { axis: { int: 1 } }),
          { ...node, inputs: [`${x}_dequantized`, `${weight.name}_float`] },
        ],
        tensors: [
          ...input.tensors,
          tensorOf(numbers, "uint8", weight.shape, bytes),
          tensorOf(factors, "float32", [scales.length], scales),
          tensorOf(zeros, "uint8", [scales.length], new Uint8Array(scales.length).fill(zeroByte)),
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
