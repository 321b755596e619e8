/** Binary cross entropy, as used by DeiT III (arXiv 2204.07118). */
import { z } from "zod";
import { UsageError } from "../../../errors/errors.js";
import { abs, add, constant, exp, log, max, mean, mul, neg, sub, type Tensor } from "../../../tensor/index.js";
import { lossKind } from "./loss.js";
import { imageWeights } from "./targets.js";

/** Binary cross entropy of each class independently, averaged over batch and classes (timm's `--bce-loss`). */
export function binaryCrossEntropy(logits: Tensor, target: Tensor): Tensor {
  return mean(ofEachClass(logits, target));
}

/**
 * Binary cross entropies `[batch, classes]`; `positive` is the weight of a class that is there over one that is not, for
 * all classes or each.
 */
function ofEachClass(logits: Tensor, target: Tensor, positive: number | readonly number[] = 1): Tensor {
  // max(x, 0) - x·t + log(1 + e^-|x|) never overflows.
  const rest = log(add(exp(neg(abs(logits))), 1));
  if (positive === 1) return add(sub(max(logits, 0), mul(logits, target)), rest);
  // As in PyTorch: (1 - t)·x + (1 + (p - 1)·t)·(log(1 + e^-|x|) + max(-x, 0)).
  const weight = add(mul(target, extra(positive, logits)), 1);
  return add(mul(logits, sub(1, target)), mul(weight, add(rest, max(neg(logits), 0))));
}

/** p - 1, `[1, classes]` or a number. */
function extra(positive: number | readonly number[], { shape: [, classes] }: Tensor): Tensor | number {
  if (typeof positive === "number") return positive - 1;
  if (positive.length !== classes)
    throw new UsageError(
      `positiveWeight lists ${positive.length} weights, but there are ${classes} classes; give one for each, in the order of the class names, or one number for all.`,
    );
  return constant(
    "float32",
    [1, classes],
    positive.map((p) => p - 1),
  );
}

const weight = z.number().positive();

export const binaryCrossEntropyLoss = lossKind({
  settings: {
    positiveWeight: z
      .union(
        [weight, z.array(weight).min(1).readonly()],
        "it is neither a number above 0 nor a list of one for each class",
      )
      .default(1)
      .meta({
        description:
          "Binary cross entropy: weight of a class that an image has over one that it has not, for all classes or as a list with one number for each; above 1 makes up for rare labels.",
        timm: "bce-pos-weight",
      }),
  },
  build:
    ({ positiveWeight }, weights) =>
    (logits, target) => {
      const each = ofEachClass(logits, target, positiveWeight);
      return mean(weights ? mul(each, imageWeights(target, weights)) : each);
    },
});
