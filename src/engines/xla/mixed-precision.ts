/** The bfloat16 policy: operands of products and values kept for the backward pass are bfloat16, all else float32. */
import {
  applies,
  barrier,
  cast,
  concat,
  dotAxes,
  mul,
  type Node,
  type Program,
  primitives,
  reduceSum,
  reshape,
  type Tensor,
  topologicalOrder,
  transpose,
} from "../../tensor/index.js";
import { isMatrixProduct } from "./products.js";
import { again, rewrite } from "./rewrite.js";

/**
 * The program with its matrix products in bfloat16, accumulated in float32. Products with a vector (sums over rows or
 * columns, norms) are unchanged: they would not be faster, and statistics and losses keep their precision. Values
 * marked as read again by the backward pass are rounded once, for all their readers, and kept in bfloat16, as in
 * PyTorch's autocast.
 */
export function withBfloat16Products(program: Program): Program {
  const order = topologicalOrder(program.outputs.map((o) => o.tensor));
  const kept = savedTensors(order);
  const factors = new Set(order.filter(isFloatProduct).flatMap((n) => n.inputs.map(source)));
  return rewrite(program, (node, inputs) => {
    if (applies(primitives.saved, node)) return inputs;
    const outputs = isFloatProduct(node)
      ? again(node, inputs.map(narrow), { ...node.attributes, output: "float32" })
      : isColumnSum(node) && factors.has(source(node.inputs[1]))
        ? [columnSum(inputs[1], node)]
        : again(node, inputs);
    return outputs.map((t, i) => (kept.has(node.outputs[i]) ? cast(barrier(narrow(t)), "float32") : t));
  });
}

/** The program without the marks of saved values. */
export function withoutMarks(program: Program): Program {
  return rewrite(program, (node, inputs) => (applies(primitives.saved, node) ? inputs : undefined));
}

/** Tensors that are marked. */
function savedTensors(order: readonly Node[]): ReadonlySet<Tensor> {
  const marked = order.filter((n) => applies(primitives.saved, n)).map((n) => n.inputs[0]);
  return new Set(marked.filter((t) => t.dtype === "float32"));
}

function isFloatProduct(node: Node): boolean {
  return isMatrixProduct(node) && [...node.inputs, ...node.outputs].every((t) => t.dtype === "float32");
}

/** The tensor that this one is a reshape of. */
function source(t: Tensor): Tensor {
  return applies(primitives.reshape, t.node) ? source(t.node.inputs[0]) : t;
}

/**
 * `x` in bfloat16. A value widened from bfloat16 is used as it was, and rounding precedes any rearrangement of
 * elements, so that all readers share one rounded value and half the bytes are moved.
 */
export function narrow(x: Tensor): Tensor {
  const { node } = x;
  const { inputs } = node;
  if (applies(primitives.cast, node) && inputs[0].dtype === "bfloat16") return inputs[0];
  if (applies(primitives.reshape, node)) return reshape(narrow(inputs[0]), x.shape);
  if (applies(primitives.transpose, node)) return transpose(narrow(inputs[0]), node.attributes.permutation);
  if (applies(primitives.concat, node)) return concat(inputs.map(narrow), node.attributes.axis);
  return cast(x, "bfloat16");
}

/** Whether a node is the product of a row of ones with a matrix. */
function isColumnSum(node: Node): boolean {
  const axes = dotAxes(node);
  if (!axes || node.inputs.some((t) => t.shape.length !== 2) || axes.contract[1][0] !== 0) return false;
  const [ones] = node.inputs;
  if (ones.shape[0] !== 1 || ones.dtype !== "float32" || !applies(primitives.broadcast, ones.node)) return false;
  const value = ones.node.inputs[0].node;
  return applies(primitives.constant, value) && value.attributes.values.every((v) => v === 1);
}

/** Sums of the columns of a matrix that products read: of the rounded values, in float32. */
function columnSum(x: Tensor, { outputs: [out], attributes }: Node): Tensor {
  const sums = reshape(reduceSum(cast(narrow(x), "float32"), [0]), out.shape);
  return attributes.alpha === 1 ? sums : mul(sums, attributes.alpha as number);
}
