/** Rebuilds a program node by node: what the engine's rewriting passes share. */
import { type Attributes, applyAll, type Primitive } from "../../tensor/graph.js";
import { type Node, type Program, type Tensor, topologicalOrder } from "../../tensor/index.js";

/**
 * The program with each node replaced by the result of `replace`. `inputs` are the node's rebuilt inputs; undefined
 * applies the node's own primitive to them.
 */
export function rewrite(
  program: Program,
  replace: (node: Node, inputs: readonly Tensor[]) => readonly Tensor[] | undefined,
): Program {
  const done = new Map<Node, readonly Tensor[]>();
  const current = (t: Tensor) => done.get(t.node)![t.index];
  for (const node of topologicalOrder(program.outputs.map((o) => o.tensor))) {
    const inputs = node.inputs.map(current);
    done.set(node, replace(node, inputs) ?? again(node, inputs));
  }
  return { ...program, outputs: program.outputs.map((o) => ({ ...o, tensor: current(o.tensor) })) };
}

/** The node applied to different inputs. */
export function again(
  node: Node,
  inputs: readonly Tensor[],
  attributes: Attributes = node.attributes,
): readonly Tensor[] {
  const same = attributes === node.attributes && inputs.every((t, i) => t === node.inputs[i]);
  return same ? node.outputs : applyAll(node.primitive as Primitive<Attributes>, inputs, attributes);
}
