/** A recipe: everything that decides how a run goes, checked, with the paper's defaults (table 9). */
import { z } from "zod";
import { UsageError } from "../errors.js";
import { nearest } from "../models/registry.js";

const positive = z.number().positive();
const share = z.number().min(0).max(1);
const whole = z.number().int().min(1);

export const recipeSchema = z.strictObject({
  /** What it is for: the command, the time and the accuracy to expect. */
  about: z.string().default(""),
  model: z.string().default("deit_tiny_patch16_224"),
  imageSize: whole.optional(),
  patchSize: whole.optional(),
  width: whole.optional(),
  depth: whole.optional(),
  heads: whole.optional(),
  mlpRatio: positive.optional(),
  /** Stochastic depth of the last block. */
  dropPath: z.number().min(0).max(0.99).default(0.1),
  dropout: z.number().min(0).max(0.99).default(0),

  epochs: whole.default(300),
  /** Global batch: images per step over all devices and accumulated runs. */
  batchSize: whole.default(1024),
  /** Runs of the program whose gradients make one step. */
  accumulate: whole.default(1),
  optimizer: z.enum(["adamw", "sgd"]).default("adamw"),
  betas: z.tuple([share, share]).default([0.9, 0.999]),
  epsilon: positive.default(1e-8),
  momentum: share.default(0.9),
  nesterov: z.boolean().default(true),
  weightDecay: z.number().min(0).default(0.05),
  /** Learning rate for a batch of 512; scaled by batchSize / 512 unless `scaleLr` is false. */
  lr: positive.default(5e-4),
  scaleLr: z.boolean().default(true),
  warmupEpochs: z.number().min(0).default(5),
  warmupLr: z.number().min(0).default(1e-6),
  minLr: z.number().min(0).default(1e-5),
  clipGradient: positive.optional(),
  labelSmoothing: share.default(0.1),
  loss: z.enum(["crossEntropy", "binaryCrossEntropy"]).default("crossEntropy"),
  /** Decay per step of the moving average of the weights; 0 keeps none. */
  emaDecay: z.number().min(0).max(0.999999).default(0),

  /** Part of the image a random resized crop takes. Images of 32 pixels or fewer are padded and shifted instead. */
  cropScale: z.tuple([share, share]).default([0.08, 1]),
  cropRatio: z.tuple([positive, positive]).default([3 / 4, 4 / 3]),
  crop: z.enum(["auto", "resized", "padded", "none"]).default("auto"),
  interpolation: z.enum(["bilinear", "bicubic", "lanczos", "nearest"]).default("bicubic"),
  flip: share.default(0.5),

  seed: z.number().int().min(0).default(0),
});

export type Recipe = Readonly<z.infer<typeof recipeSchema>>;
export type RecipeSettings = z.input<typeof recipeSchema>;

/** Fills in defaults; throws UsageError with a sentence for a wrong value, and the nearest name for a typo. */
export function parseRecipe(settings: unknown): Recipe {
  const result = recipeSchema.safeParse(settings);
  if (result.success) return result.data;
  throw new UsageError(result.error.issues.map(sentence).join(" "));
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(recipeSchema.shape);
    return issue.keys.map((k) => `The recipe has no setting "${k}"; did you mean "${nearest(k, known)}"?`).join(" ");
  }
  return `The setting "${issue.path.join(".")}" of the recipe is wrong: ${issue.message}.`;
}
