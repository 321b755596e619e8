/** Rewrites matrix products into the form for which XLA's CPU compiler has fast kernels. */
import {
  applies,
  barrier,
  dot,
  dotAxes,
  type Node,
  type Program,
  primitives,
  reshape,
  sizeOf,
  type Tensor,
  transpose,
} from "../../tensor/index.js";
import { rewrite } from "./rewrite.js";

/** Whether a node is a product of two matrices or of stacks of them, rather than with a vector. */
export function isMatrixProduct(node: Node): boolean {
  const free = dotAxes(node)?.free.map((axes, side) => sizeOf(axes.map((axis) => node.inputs[side].shape[axis])));
  return free?.every((n) => n > 1) ?? false;
}

/**
 * The fast kernels of XLA's CPU compiler require that a product's left operand is contracted along its last axes and
 * that both are row-major. Weight gradients and two of attention's gradients do not meet this. They are rewritten here
 * by transposing an operand, or by exchanging the two and transposing the result, whichever moves less. For attention,
 * whose operands are transposed anyway, this adds no copies.
 */
export function withRowProducts(program: Program): Program {
  return rewrite(program, (node, [a, b]) => {
    if (!isMatrixProduct(node)) return undefined;
    const { batch, contract, free } = dotAxes(node)!;
    const [left, right] = [a, b].map((t, i) => operand(t, batch[i], free[i], contract[i]));
    const narrow = a.dtype === "bfloat16";
    // Plain float32 products use a kernel that is as fast with its left operand transposed.
    if (left.ready && !narrow) return undefined;
    if (batch[0].length === 0 && !narrow) return undefined;
    const options = { alpha: node.attributes.alpha as number, output: node.outputs[0].dtype };
    const [out] = node.outputs;
    if (left.cost <= right.cost + sizeOf(out.shape)) return [product(left, right, options)];
    // Without the barrier the compiler would exchange the two operands again to save the transpose.
    const swapped = barrier(product(right, left, options));
    const n = batch[0].length;
    const rows = free[1].length;
    const axes = out.shape.map((_, i) => (i < n ? i : i < n + free[0].length ? i + rows : i - free[0].length));
    return [transpose(swapped, axes)];
  });
}

interface Operand {
  readonly tensor: Tensor;
  readonly batch: readonly number[];
  readonly free: readonly number[];
  readonly contract: readonly number[];
  /** Whether it can be the left operand unchanged. */
  readonly ready: boolean;
  /** Number of elements to move otherwise. */
  readonly cost: number;
}

function operand(
  tensor: Tensor,
  batch: readonly number[],
  free: readonly number[],
  contract: readonly number[],
): Operand {
  const ready = [...batch, ...free, ...contract].every((axis, i) => axis === i);
  return { tensor, batch, free, contract, ready, cost: ready ? 0 : sizeOf(tensor.shape) };
}

function product(left: Operand, right: Operand, options: { alpha: number; output: Tensor["dtype"] }): Tensor {
  const l = left.ready ? left.tensor : transpose(left.tensor, [...left.batch, ...left.free, ...left.contract]);
  const n = left.batch.length;
  const last = left.contract.map((_, i) => n + left.free.length + i);
  return dot(rowMajor(l), rowMajor(right.tensor), {
    ...options,
    batch: [left.batch.map((_, i) => i), right.batch],
    contract: [last, right.contract],
  });
}

/**
 * The compiler keeps the original layout of a transposed tensor, and widens bfloat16 operands with such a layout to
 * float32. Flattening it and reshaping it back makes it row-major; the barrier keeps the transpose from being merged
 * into the product, which would undo this.
 */
function rowMajor(t: Tensor): Tensor {
  if (t.dtype !== "bfloat16" || !isTransposed(t)) return t;
  return reshape(barrier(reshape(t, [sizeOf(t.shape)])), t.shape);
}

function isTransposed(t: Tensor): boolean {
  if (applies(primitives.transpose, t.node)) return true;
  const through = [primitives.cast, primitives.barrier, primitives.slice];
  return through.some((primitive) => applies(primitive, t.node)) && isTransposed(t.node.inputs[0]);
}
