/** Binary cross entropy, as used by DeiT III (arXiv 2204.07118). */
import { abs, add, exp, log, max, mean, mul, neg, sub, type Tensor } from "../../../tensor/index.js";
import { lossKind } from "./loss.js";
import { imageWeights } from "./targets.js";

/** Binary cross entropy of each class independently, averaged over batch and classes (timm's `--bce-loss`). */
export function binaryCrossEntropy(logits: Tensor, target: Tensor): Tensor {
  return mean(ofEachClass(logits, target));
}

/** Binary cross entropies `[batch, classes]`. */
function ofEachClass(logits: Tensor, target: Tensor): Tensor {
  // max(x, 0) - x·t + log(1 + e^-|x|) never overflows.
  return add(sub(max(logits, 0), mul(logits, target)), log(add(exp(neg(abs(logits))), 1)));
}

export const binaryCrossEntropyLoss = lossKind({
  settings: {},
  build: (_, weights) =>
    weights
      ? (logits, target) => mean(mul(ofEachClass(logits, target), imageWeights(target, weights)))
      : binaryCrossEntropy,
});
