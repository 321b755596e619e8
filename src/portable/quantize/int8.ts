/** int8 weights with a factor for each output; activations are quantised to uint8 as they come. */
import { byColumns, nodeOf, type Quantization, tensorOf } from "./quantization.js";
import { withProducts } from "./rewrite.js";

/**
 * Seven bits: on processors without VNNI, ONNX Runtime adds two products of a uint8 and an int8 in 16 bits, which
 * overflow with eight.
 */
export const largestWeight = 64;

export const int8: Quantization = {
  about: "8-bit weights with a factor for each output, activations quantised as they come",
  rewrite: (graph) =>
    withProducts(graph, ({ node, weight }, isFirst) => {
      const [x] = node.inputs;
      const [y] = node.outputs;
      const { values, scales } = byColumns({ weight }, largestWeight);
      const input = nodeOf("DynamicQuantizeLinear", [x], [`${x}_uint8`, `${x}_scale`, `${x}_zero`]);
      return {
        nodes: [
          ...(isFirst ? [input] : []),
          nodeOf("MatMulInteger", [`${x}_uint8`, `${weight.name}_int8`, `${x}_zero`], [`${y}_int32`]),
          nodeOf("Cast", [`${y}_int32`], [`${y}_whole`], { to: { int: 1 } }),
          nodeOf("Mul", [`${x}_scale`, `${weight.name}_scale`], [`${y}_scales`]),
          nodeOf("Mul", [`${y}_whole`, `${y}_scales`], [y]),
        ],
        tensors: [
          tensorOf(`${weight.name}_int8`, "int8", weight.shape, values),
          tensorOf(`${weight.name}_scale`, "float32", [scales.length], scales),
        ],
      };
    }),
};
