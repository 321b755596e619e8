/** The same graph with some values replaced: a part of a program becomes a program of its own. */
import { type Attributes, applyAll, type Node, type Primitive, type Tensor, topologicalOrder } from "./graph.js";

/** `roots` computed from other values, of the same types, wherever they were computed from the first of a pair. */
export function substitute(
  roots: readonly Tensor[],
  replacements: readonly (readonly [value: Tensor, replacement: Tensor])[],
): readonly Tensor[] {
  const made = new Map<Node, readonly Tensor[]>();
  const resolve = (t: Tensor): Tensor =>
    replacements.find(([{ node, index }]) => t.node === node && t.index === index)?.[1] ??
    made.get(t.node)?.[t.index] ??
    t;
  for (const node of topologicalOrder(roots)) {
    const inputs = node.inputs.map(resolve);
    if (inputs.some((t, i) => t !== node.inputs[i]))
      made.set(node, applyAll(node.primitive as Primitive<Attributes>, inputs, node.attributes)[0].node.outputs);
  }
  return roots.map(resolve);
}
