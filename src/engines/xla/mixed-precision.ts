/** The bfloat16 policy: matrix products read bfloat16 and add up in float32; everything else stays float32. */

import { type Attributes, applyAll, type Primitive } from "../../tensor/graph.js";
import { sizeOf } from "../../tensor/host.js";
import { cast, type Node, type Program, type Tensor, topologicalOrder } from "../../tensor/index.js";

/**
 * The program with its matrix products in bfloat16. Products with a vector (sums over rows or columns, norms) are left:
 * they are no faster, and statistics and losses keep their digits.
 */
export function withBfloat16Products(program: Program): Program {
  const replaced = new Map<Node, readonly Tensor[]>();
  const current = (t: Tensor) => replaced.get(t.node)![t.index];
  for (const node of topologicalOrder(program.outputs.map((o) => o.tensor))) {
    const inputs = node.inputs.map(current);
    if (isMatrixProduct(node)) {
      const narrow = inputs.map((t) => cast(t, "bfloat16"));
      replaced.set(
        node,
        applyAll(node.primitive as Primitive<Attributes>, narrow, { ...node.attributes, output: "float32" }),
      );
    } else if (inputs.every((t, i) => t === node.inputs[i])) replaced.set(node, node.outputs);
    else replaced.set(node, applyAll(node.primitive as Primitive<Attributes>, inputs, node.attributes));
  }
  return { ...program, outputs: program.outputs.map((o) => ({ ...o, tensor: current(o.tensor) })) };
}

function isMatrixProduct({ primitive, inputs, outputs, attributes }: Node): boolean {
  if (primitive.name !== "dot" || inputs.some((t) => t.dtype !== "float32") || outputs[0].dtype !== "float32")
    return false;
  const at = attributes as unknown as Readonly<
    Record<"aBatch" | "bBatch" | "aContract" | "bContract", readonly number[]>
  >;
  const free = (t: Tensor, batch: readonly number[], contract: readonly number[]) =>
    sizeOf(t.shape.filter((_, i) => !batch.includes(i) && !contract.includes(i)));
  return free(inputs[0], at.aBatch, at.aContract) > 1 && free(inputs[1], at.bBatch, at.bContract) > 1;
}
