/** Cross entropy. */
import { logSoftmax, mul, neg, reduceSum, type Tensor } from "../../../tensor/index.js";
import { lossKind } from "./loss.js";
import { weightedTargets } from "./targets.js";

/**
 * Mean over the batch of -Σ target · log softmax(logits).
 *
 * @example
 * ```ts
 * import { crossEntropy, smoothedTargets, tensor } from "deit";
 *
 * const labels = tensor.input("labels", "int32", [4]);
 * const logits = tensor.input("logits", "float32", [4, 10]);
 * const loss = crossEntropy(logits, smoothedTargets(labels, 10, 0.1));
 * const none = new Array(40).fill(0);
 * console.log(...tensor.evaluate([loss], new Map([["labels", [0, 1, 2, 3]], ["logits", none]]))[0]); // ln 10
 * ```
 */
export function crossEntropy(logits: Tensor, target: Tensor): Tensor {
  return mul(reduceSum(mul(target, logSoftmax(logits))), -1 / logits.shape[0]);
}

/** -Σ target · log softmax(logits) of each image, `[batch]`. */
export const crossEntropies = (logits: Tensor, target: Tensor): Tensor =>
  neg(reduceSum(mul(target, logSoftmax(logits)), [1]));

export const crossEntropyLoss = lossKind({
  settings: {},
  build: (_, weights) =>
    weights ? (logits, target) => crossEntropy(logits, weightedTargets(target, weights)) : crossEntropy,
});
