/**
 * Recipes of `deit demo`: small enough to take about two minutes on two cores. The teacher comes with the package and has seen
 * many more images than the students.
 */
import { fileURLToPath } from "node:url";
import { packageRoot } from "../system/files/package-root.js";
import type { RecipeSettings } from "../training/recipe/recipe.js";

/** Image size in pixels. */
const imageSize = 24;

/** The built-in data set with `images` images of a part. */
export const demoData = (images: number): string => `procedural:${imageSize}:${images}:upright`;

/** Weights of the teacher, which scripts/demo-teacher.mjs has trained. */
export const teacherWeights = (): string => fileURLToPath(new URL("recipes/demo/teacher.safetensors", packageRoot()));

/** Number of images that the teacher was trained on, none of them an image of the demo. */
export const teacherImages = 16_000;

const shared: RecipeSettings = {
  ...{ imageSize, batchSize: 32, scaleLr: false, labelSmoothing: 0, dropPath: 0 },
  ...{ crop: "resized", flip: 0.5, autoAugment: "none", repeatedAugmentation: 1, eraseProbability: 0 },
  ...{ mixup: 0, cutmix: 0 },
};

export const linearRecipe: RecipeSettings = {
  ...shared,
  about: "A linear classifier on pixels: the baseline that knows nothing of shape.",
  ...{ model: "linear", crop: "padded", lr: 1e-3, warmupEpochs: 0.5 },
};

export const teacherRecipe: RecipeSettings = {
  ...shared,
  about: "A small RegNetY, the convolutional teacher of `deit demo`.",
  ...{ model: "regnety", depth: 4, lr: 4e-3, batchSize: 64, epochs: 3, warmupEpochs: 0.3, betas: [0.9, 0.95] },
  ...{ crop: "padded", cutmix: 1, mixProbability: 0.3 },
  regnet: { initialWidth: 32, slope: 18, factor: 2, groupWidth: 256, stemWidth: 32, stemStride: 2 },
};

/**
 * What all students share: few images, and many random crops of each. A crop often shows less of a shape than its label
 * needs; the teacher says of each crop what it does show, which is why the paper has it answer every view (section 5.1).
 */
export const studentOf = (epochs: number): RecipeSettings => ({
  ...shared,
  about: "A DeiT of 0.5 M parameters, the student of `deit demo`.",
  ...{ model: "deit", patchSize: 6, width: 96, depth: 4, heads: 3, init: { by: "mimetic" } },
  ...{ epochs, lr: 1e-3, warmupEpochs: epochs / 10, betas: [0.9, 0.95], validateEvery: Math.ceil(epochs / 12) },
});

/** Temperature and weight of soft distillation as in the paper (section 5.1). */
export const softDistillation = { distillation: "soft", distillationTau: 3, distillationAlpha: 0.1 } as const;

/** The rows of table 3: how each student differs. */
export const studentVariants: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "DeiT, no distillation": {},
  "DeiT, soft distillation": softDistillation,
  "DeiT, hard distillation": { distillation: "hard" },
  "DeiT, hard, with the token": { distillation: "hard", distilled: true },
};
