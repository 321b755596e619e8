/** Rewrites products with a vector into sums, the form in which XLA's compilers for accelerators merge them with what they read. */
import {
  broadcast,
  dotAxes,
  mul,
  type Program,
  reduceSum,
  reshape,
  type Tensor,
  transpose,
} from "../../tensor/index.js";
import { isMatrixProduct } from "./products.js";
import { rewrite } from "./rewrite.js";

/**
 * The program with sums in place of float32 products that have a vector on one side, which is how sums over rows and columns
 * are written. On CPUs such a product is the fastest way to sum. On GPUs it would be a library call whose operands, often
 * themselves products of activations, are written to memory first; and it would round them to TF32, which has 10 bits.
 */
export function withReductions(program: Program): Program {
  return rewrite(program, (node, [a, b]) => {
    const axes = dotAxes(node);
    if (!axes || isMatrixProduct(node) || [a, b, node.outputs[0]].some((t) => t.dtype !== "float32")) return undefined;
    const { batch, contract, free } = axes;
    const side = free[0].every((axis) => a.shape[axis] === 1) ? 1 : 0;
    const [matrix, vector] = side === 0 ? [a, b] : [b, a];
    const paired = pairs(batch, side).concat(pairs(contract, side));
    const terms = mul(matrix, along(matrix, vector, paired));
    const sum = reduceSum(terms, contract[side]);
    // The axes that are left keep their order; the product has those of its stacks first.
    const left = matrix.shape.map((_, i) => i).filter((i) => !contract[side].includes(i));
    const wanted = [...batch[side], ...free[side]].map((axis) => left.indexOf(axis));
    const { alpha } = node.attributes;
    const total = reshape(transpose(sum, wanted), node.outputs[0].shape);
    return [alpha === 1 ? total : mul(total, alpha as number)];
  });
}

/** Pairs of axes: of the matrix, and of the vector. */
function pairs([a, b]: readonly [readonly number[], readonly number[]], side: number): (readonly [number, number])[] {
  return a.map((axis, i) => (side === 0 ? [axis, b[i]] : [b[i], axis]));
}

/** The vector repeated to the shape of the matrix, each of its axes at the paired one. */
function along(matrix: Tensor, vector: Tensor, paired: readonly (readonly [number, number])[]): Tensor {
  const inOrder = [...paired].sort(([x], [y]) => x - y);
  const used = inOrder.map(([, axis]) => axis);
  const single = vector.shape.map((_, i) => i).filter((i) => !used.includes(i));
  const ordered = transpose(vector, [...single, ...used]);
  const shape = matrix.shape.map((d, i) => (inOrder.some(([axis]) => axis === i) ? d : 1));
  return broadcast(reshape(ordered, shape), matrix.shape);
}
