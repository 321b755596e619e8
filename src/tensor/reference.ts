/**
 * The reference evaluator: every primitive computed straightforwardly in double precision, for tests. Never used to
 * train.
 */
import { ShapeError } from "../errors/errors.js";
import type { DenseValue } from "./dense.js";
import { applies, type Node, type Tensor, topologicalOrder } from "./graph.js";
import { sizeOf } from "./host.js";
import { input, inputPrimitive } from "./primitives/leaf.js";

/**
 * Values of `roots` given those of the program inputs by name.
 *
 * @example
 * ```ts
 * import { tensor } from "deit";
 *
 * const x = tensor.input("x", "float32", [3]);
 * const [values] = tensor.evaluate([tensor.softmax(x)], new Map([["x", [0, 0, 0]]]));
 * console.log(values); // a third each
 * ```
 */
export function evaluate(roots: readonly Tensor[], inputs: ReadonlyMap<string, ArrayLike<number>>): Float64Array[] {
  const values = new Map<Node, readonly Float64Array[]>();
  const lookup = (t: Tensor): DenseValue => ({ shape: t.shape, data: values.get(t.node)![t.index] });
  for (const node of topologicalOrder(roots)) {
    values.set(node, evaluateNode(node, node.inputs.map(lookup), inputs));
  }
  return roots.map((t) => lookup(t).data);
}

function evaluateNode(
  node: Node,
  args: readonly DenseValue[],
  inputs: ReadonlyMap<string, ArrayLike<number>>,
): readonly Float64Array[] {
  if (applies(inputPrimitive, node)) {
    const { name } = node.attributes;
    const value = inputs.get(name);
    if (!value || value.length !== sizeOf(node.outputs[0].shape)) {
      throw new ShapeError(`The evaluator needs ${sizeOf(node.outputs[0].shape)} values for input "${name}".`);
    }
    return [Float64Array.from(value)];
  }
  if (node.primitive.evaluate) return node.primitive.evaluate(args, node.attributes, node.outputs);
  // A primitive defined by its expansion is evaluated through it, with leaves for its inputs: from a node that they were made by, the
  // expansion could reach what lies before it, whose values are not known here.
  const leaves = node.inputs.map(({ dtype, shape }, i) => input(`input ${i}`, dtype, shape));
  const expanded = node.primitive.expand!({ ...node, inputs: leaves }, { engine: "onnx", platform: "cpu" });
  const known = new Map<Node, readonly Float64Array[]>(leaves.map((leaf, i) => [leaf.node, [args[i].data]]));
  const lookup = (t: Tensor): DenseValue => ({ shape: t.shape, data: known.get(t.node)![t.index] });
  for (const inner of topologicalOrder(expanded, known)) {
    known.set(inner, evaluateNode(inner, inner.inputs.map(lookup), inputs));
  }
  return expanded.map((t) => lookup(t).data);
}
