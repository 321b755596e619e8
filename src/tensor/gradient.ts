/** Reverse-mode differentiation: adds the backward pass to the graph. */
import { ShapeError } from "../errors/errors.js";
import { isFloat } from "./dtype.js";
import { type Node, type Tensor, topologicalOrder } from "./graph.js";
import { add } from "./primitives/arithmetic.js";
import { broadcast } from "./primitives/broadcast.js";
import { scalar } from "./primitives/leaf.js";
import { describe } from "./tensor-type.js";

/**
 * Derivatives of a scalar with respect to `parameters`, each with its parameter's shape and dtype. A parameter that the
 * loss does not depend on gets zeros.
 *
 * @example
 * ```ts
 * import { tensor } from "deit";
 *
 * const x = tensor.input("x", "float32", [2]);
 * const [dx] = tensor.gradient(tensor.reduceSum(tensor.square(x), [0]), [x]);
 * const [value] = tensor.evaluate([dx], new Map([["x", [3, -1]]]));
 * console.log(...value); // 6 -2
 * ```
 */
export function gradient(loss: Tensor, parameters: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0 || !isFloat(loss.dtype)) {
    throw new ShapeError(`gradient needs a floating-point scalar, but the loss is ${describe(loss)}; reduce it first.`);
  }
  const order = topologicalOrder([loss]);
  const found = swept(order, [loss, scalar(1, loss.dtype)], parameters);
  return parameters.map((p, i) => found[i] ?? broadcast(scalar(0, p.dtype), p.shape));
}

/**
 * Cotangents of `inputs` from that of `output`, as if they were the inputs of the program; undefined for those that it does not
 * depend on.
 */
export function pullback(output: Tensor, cotangent: Tensor, inputs: readonly Tensor[]): (Tensor | undefined)[] {
  const ends = new Set(inputs.map((t) => t.node));
  return swept(topologicalOrder([output], ends), [output, cotangent], inputs);
}

/** Goes through nodes in reverse order, from a tensor and its cotangent to those of `parameters`. */
function swept(
  order: Node[],
  [from, cotangent]: readonly [Tensor, Tensor],
  parameters: readonly Tensor[],
): (Tensor | undefined)[] {
  const active = new Set<Node>(parameters.map((p) => p.node));
  for (const node of order) if (node.inputs.some((t) => active.has(t.node))) active.add(node);

  const cotangents = new Map<Node, (Tensor | undefined)[]>();
  cotangents.set(from.node, oneAt(from, cotangent));
  for (const node of order.reverse()) {
    const outs = cotangents.get(node);
    if (!outs || !active.has(node) || !node.primitive.gradient) continue;
    const ins = node.primitive.gradient(node, outs);
    node.inputs.forEach((t, i) => {
      const g = ins[i];
      if (g && active.has(t.node)) accumulate(cotangents, t, g);
    });
  }
  return parameters.map((p) => cotangents.get(p.node)?.[p.index]);
}

function oneAt(t: Tensor, value: Tensor): (Tensor | undefined)[] {
  const all = new Array<Tensor | undefined>(t.node.outputs.length).fill(undefined);
  all[t.index] = value;
  return all;
}

function accumulate(cotangents: Map<Node, (Tensor | undefined)[]>, t: Tensor, g: Tensor): void {
  const all = cotangents.get(t.node);
  if (!all) {
    cotangents.set(t.node, oneAt(t, g));
    return;
  }
  const sum = all[t.index];
  all[t.index] = sum ? add(sum, g) : g;
}
