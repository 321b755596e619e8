// Floating-point operations of a program's products and convolutions; a multiply and an add count as two.

import { dotAxes, simplify, sizeOf, topologicalOrder } from "deit/tensor";

/** Of one run of `program` as the engines on a CPU compute it. Elementwise work is left out, as is usual. */
export function flops(program) {
  const { outputs } = simplify(program, { engine: "stablehlo", platform: "cpu" });
  return topologicalOrder(outputs.map((o) => o.tensor)).reduce((total, node) => total + ofNode(node), 0);
}

function ofNode(node) {
  const axes = dotAxes(node);
  if (axes) {
    const [a] = node.inputs;
    return 2 * sizeOf(node.outputs[0].shape) * sizeOf(axes.contract[0].map((axis) => a.shape[axis]));
  }
  if (node.primitive.name !== "convolution") return 0;
  // Each output element meets all weights of one output channel.
  const [, weight] = node.inputs;
  return (2 * sizeOf(node.outputs[0].shape) * sizeOf(weight.shape)) / weight.shape[0];
}
