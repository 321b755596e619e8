/** Poly-1 (Leng et al., arXiv 2204.12511): cross entropy plus a linear term. */
import { z } from "zod";
import { add, mul, reduceSum, softmax, sub, type Tensor } from "../../../tensor/index.js";
import { crossEntropy } from "./cross-entropy.js";
import { lossKind } from "./loss.js";
import { weightedTargets } from "./targets.js";

/** Cross entropy + ε · (1 - Σ target · softmax(logits)), averaged over the batch. */
function poly1(logits: Tensor, target: Tensor, epsilon: number): Tensor {
  const probability = mul(reduceSum(mul(target, softmax(logits))), 1 / logits.shape[0]);
  return add(crossEntropy(logits, target), mul(sub(1, probability), epsilon));
}

/** Cross entropy + ε · Σ target · (1 - softmax(logits)), averaged over the batch, of targets that need not sum to 1. */
function weightedPoly1(logits: Tensor, target: Tensor, epsilon: number): Tensor {
  const linear = reduceSum(mul(target, sub(1, softmax(logits))));
  return add(crossEntropy(logits, target), mul(linear, epsilon / logits.shape[0]));
}

export const poly1Loss = lossKind({
  settings: {
    polyEpsilon: z
      .number()
      .min(-1)
      .default(1)
      .meta({ description: "Loss `poly1`: weight of its linear term; 0 is cross entropy." }),
  },
  build:
    ({ polyEpsilon }, weights) =>
    (logits, target) =>
      weights
        ? weightedPoly1(logits, weightedTargets(target, weights), polyEpsilon)
        : poly1(logits, target, polyEpsilon),
});
