/** Co-training of two submodels. */
import { add, mul, sigmoid, stopGradient, type Tensor } from "../../../tensor/index.js";
import { binaryCrossEntropy } from "./binary-cross-entropy.js";

/**
 * Co-training of two submodels (arXiv 2212.04884): `first` and `second` are the logits of the same images under
 * different stochastic depth. A quarter each: both with the labels, and each with the other's output, through which no
 * gradient flows.
 */
export function cosubLoss(first: Tensor, second: Tensor, target: Tensor): Tensor {
  const answer = (logits: Tensor) => stopGradient(sigmoid(logits));
  const parts = [
    binaryCrossEntropy(first, target),
    binaryCrossEntropy(second, target),
    binaryCrossEntropy(first, answer(second)),
    binaryCrossEntropy(second, answer(first)),
  ];
  return mul(parts.reduce(add), 0.25);
}
