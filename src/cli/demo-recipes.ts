/**
 * Recipes of `deit demo`: small enough to take minutes on two cores, and such that a convnet learns what a transformer
 * cannot yet.
 */
import type { RecipeSettings } from "../training/recipe/recipe.js";

/** Image size in pixels. */
export const imageSize = 24;

/**
 * Few images, used many times with small shifts: this is where the inductive bias of convolutions helps most (paper,
 * section 4).
 */
const shared: RecipeSettings = {
  ...{ imageSize, batchSize: 32, scaleLr: false, warmupEpochs: 0.5, labelSmoothing: 0, dropPath: 0 },
  ...{ crop: "padded", flip: 0.5, autoAugment: "none", repeatedAugmentation: 1, eraseProbability: 0 },
  ...{ mixup: 0, cutmix: 0 },
};

export const linearRecipe: RecipeSettings = {
  ...shared,
  about: "A linear classifier on pixels: the baseline that knows nothing of shape.",
  ...{ model: "linear", lr: 1e-3 },
};

export const teacherRecipe: RecipeSettings = {
  ...shared,
  about: "A small RegNetY, the convolutional teacher of `deit demo`.",
  ...{ model: "regnety", depth: 4, lr: 4e-3 },
  regnet: { initialWidth: 32, slope: 18, factor: 2, groupWidth: 256, stemWidth: 32, stemStride: 1 },
};

export const studentRecipe: RecipeSettings = {
  ...shared,
  about: "A DeiT of 0.5 M parameters, the student of `deit demo`.",
  ...{ model: "deit", patchSize: 4, width: 96, depth: 4, heads: 3, lr: 1e-3, betas: [0.9, 0.95] },
};

/** Temperature and weight of soft distillation as in the paper (section 5.1). */
export const softDistillation = { distillation: "soft", distillationTau: 3, distillationAlpha: 0.1 } as const;

/** The rows of table 3: how each student differs. */
export const studentVariants: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "DeiT, no distillation": {},
  "DeiT, soft distillation": softDistillation,
  "DeiT, hard distillation": { distillation: "hard" },
  "DeiT, hard, with the token": { distillation: "hard", distilled: true },
};
