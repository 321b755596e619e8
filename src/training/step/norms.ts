/** Euclidean norms of whole tensors. */
import { dot, reshape, sizeOf, sqrt, type Tensor } from "../../tensor/index.js";

/** Σ x² of all elements, a scalar: the product of the flat tensor with itself. */
export function sumOfSquares(x: Tensor): Tensor {
  const flat = reshape(x, [sizeOf(x.shape)]);
  return dot(flat, flat, { contract: [[0], [0]] });
}

/** Euclidean norm of all elements, a scalar. */
export const norm = (x: Tensor): Tensor => sqrt(sumOfSquares(x));
