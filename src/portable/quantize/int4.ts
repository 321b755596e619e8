/** 4-bit weights in blocks of 32 with a factor each (MatMulNBits of ONNX Runtime); activations stay float32. */
import type { OnnxTensor } from "../../formats/onnx/graph.js";
import { floatsOf, nodeOf, type Quantization, tensorOf } from "./quantization.js";
import { withProducts } from "./rewrite.js";

const block = 32;
/** The number that stands for zero: 4 bits count from 0 to 15. */
const zero = 8;

export const int4: Quantization = {
  about: "4-bit weights in blocks of 32, for ONNX Runtime only (MatMulNBits)",
  operatorSets: [{ domain: "com.microsoft", version: 1 }],
  rewrite: (graph) =>
    withProducts(graph, ({ node, weight }) => {
      const [rows, columns] = weight.shape;
      const attributes = { K: { int: rows }, N: { int: columns }, bits: { int: 4 }, block_size: { int: block } };
      const inputs = [node.inputs[0], `${weight.name}_int4`, `${weight.name}_scale`];
      const product = nodeOf("MatMulNBits", inputs, node.outputs, attributes, "com.microsoft");
      return { nodes: [product], tensors: blocksOf(weight) };
    }),
};

/** Two numbers to a byte, the first in its low half; each output has its blocks one after the other. */
function blocksOf(weight: OnnxTensor): readonly OnnxTensor[] {
  const [rows, columns] = weight.shape;
  const data = floatsOf(weight);
  const blocks = Math.ceil(rows / block);
  const packed = new Uint8Array((columns * blocks * block) / 2);
  const scales = new Float32Array(columns * blocks);
  const at = (row: number, column: number) => (row < rows ? data[row * columns + column] : 0);
  for (let column = 0; column < columns; column++) {
    for (let b = 0; b < blocks; b++) {
      let extreme = 0;
      for (let i = 0; i < block; i++) {
        const value = at(b * block + i, column);
        if (Math.abs(value) > Math.abs(extreme)) extreme = value;
      }
      // The number of largest magnitude becomes −8, the end of the longer side.
      const scale = extreme / -zero;
      scales[column * blocks + b] = scale;
      const whole = (row: number) =>
        scale === 0 ? zero : Math.max(0, Math.min(15, Math.round(at(row, column) / scale) + zero));
      for (let i = 0; i < block; i += 2) {
        const row = b * block + i;
        packed[((column * blocks + b) * block + i) / 2] = whole(row) | (whole(row + 1) << 4);
      }
    }
  }
  return [
    tensorOf(`${weight.name}_int4`, "uint8", [columns, blocks, block / 2], packed),
    tensorOf(`${weight.name}_scale`, "float32", [columns * blocks], scales),
  ];
}
