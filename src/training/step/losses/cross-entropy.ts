/** Cross entropy. */
import { logSoftmax, mul, reduceSum, type Tensor } from "../../../tensor/index.js";

/** Mean over the batch of -Σ target · log softmax(logits). */
export function crossEntropy(logits: Tensor, target: Tensor): Tensor {
  return mul(reduceSum(mul(target, logSoftmax(logits))), -1 / logits.shape[0]);
}
