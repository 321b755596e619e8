/**
 * Consistency of a model's predictions for several pictures of an image (AugMix, Hendrycks et al., arXiv 1912.02781): the
 * first picture is cropped and flipped alone, the others are also augmented.
 */
import { z } from "zod";
import type { Logits } from "../../models/model.js";
import { log, logSoftmax, max, mul, reduceSum, reshape, slice, softmax, sub, type Tensor } from "../../tensor/index.js";
import type { Settings } from "./settings.js";

/** Settings of a recipe. */
export const consistencySettings = {
  augmentationSplits: z
    .union([z.literal(0), z.number().int().min(2).max(16)])
    .default(0)
    .meta({
      description:
        "Pictures of each image in a step: 2 or more, of which AugMix (arXiv 1912.02781) has 3; 0 is off. All have the same crop and flips, and all but the first also policy, jitter and random erasing. The first alone learns from the labels, and the predictions for all are to agree (`jsdWeight`). `batchSize` counts images, so a step takes as many times the memory. Mixup and CutMix are off, and distillation is refused.",
      timm: "aug-splits (always with jsd-loss; erasing as with resplit)",
    }),
  jsdWeight: z.number().positive().default(12).meta({
    description:
      "With `augmentationSplits`: weight of the Jensen-Shannon divergence of the predictions for the pictures of an image, beside the loss against the labels.",
    timm: "jsd-loss (there 12)",
  }),
};

/** How predictions for several pictures of each image are compared. */
export interface Consistency {
  /** Pictures of each image, 2 or more. */
  readonly splits: number;
  /** Weight of their divergence. */
  readonly weight: number;
}

/** What a recipe says of it; undefined if it has one picture of each image. */
export const consistencyOf = ({
  augmentationSplits: splits,
  jsdWeight: weight,
}: Settings<typeof consistencySettings>): Consistency | undefined => (splits === 0 ? undefined : { splits, weight });

/** Least probability of the mean distribution, whose logarithm would otherwise go without bounds (timm's). */
const least = 1e-7;

/**
 * Jensen-Shannon divergence of the distributions of each image, averaged over the images: the mean of their
 * Kullback-Leibler divergences from their mean. `logits` are float32 `[images · splits, classes]`, the pictures of an image
 * one after the other.
 */
export function jensenShannon(logits: Tensor, splits: number): Tensor {
  const each = ofImages(logits, splits);
  const [images, , classes] = each.shape;
  const p = softmax(each);
  const mean = mul(reduceSum(p, [1]), 1 / splits);
  const divergence = sub(logSoftmax(each), reshape(log(max(mean, least)), [images, 1, classes]));
  return mul(reduceSum(mul(p, divergence)), 1 / (images * splits));
}

/** The outputs for the first picture of each image. */
export function firstPictures({ logits, distillation }: Logits, splits: number): Logits {
  const first = (all: Tensor) => reshape(slice(ofImages(all, splits), 1, 0, 1), [all.shape[0] / splits, all.shape[1]]);
  return { logits: first(logits), ...(distillation ? { distillation: first(distillation) } : {}) };
}

const ofImages = (outputs: Tensor, splits: number): Tensor =>
  reshape(outputs, [outputs.shape[0] / splits, splits, outputs.shape[1]]);
