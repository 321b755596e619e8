/** The same graph with one value replaced: a part of a program becomes a program of its own. */
import { type Attributes, applyAll, type Node, type Primitive, type Tensor, topologicalOrder } from "./graph.js";

/** `roots` computed from `replacement`, of the same type, wherever they were computed from `value`. */
export function substitute(roots: readonly Tensor[], value: Tensor, replacement: Tensor): readonly Tensor[] {
  const made = new Map<Node, readonly Tensor[]>();
  const resolve = (t: Tensor): Tensor =>
    t.node === value.node && t.index === value.index ? replacement : (made.get(t.node)?.[t.index] ?? t);
  for (const node of topologicalOrder(roots)) {
    const inputs = node.inputs.map(resolve);
    if (inputs.some((t, i) => t !== node.inputs[i]))
      made.set(node, applyAll(node.primitive as Primitive<Attributes>, inputs, node.attributes)[0].node.outputs);
  }
  return roots.map(resolve);
}
