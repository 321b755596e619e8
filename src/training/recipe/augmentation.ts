/** One switch for all augmentation of training images, and the end of mixing. */
import { UsageError } from "../../errors/errors.js";
import { batchTransforms } from "../step/batch/index.js";
import { type Recipe, type RecipeSettings, recipeSchema } from "./schema.js";

/** What the settings are where `augmentation` is `none`. */
const off = {
  ...{ crop: "none", flip: 0, verticalFlip: 0, autoAugment: "none", colorJitter: 0, hueJitter: 0 },
  ...{ grayscaleProbability: 0, blurProbability: 0 },
  ...{ repeatedAugmentation: 1, mixup: 0, cutmix: 0, cutmixMinMax: undefined, eraseProbability: 0 },
} as const satisfies Partial<RecipeSettings>;

/** Settings that have no effect then. */
const without = ["cropScale", "cropRatio", "colorJitterProbability", "mixProbability", "unmixedEpochs"] as const;

/** Settings that a recipe leaves out where a change turns augmentation off. */
export const augmentationSettings: readonly string[] = [...Object.keys(off), ...without];

/** The recipe with all augmentation off, if it says so. Throws UsageError for settings that say otherwise. */
export function withAugmentation(recipe: Recipe, settings: unknown): Recipe {
  if (recipe.augmentation === "on") return recipe;
  const given = (settings ?? {}) as Readonly<Record<string, unknown>>;
  const differs = (key: string, value: unknown) =>
    given[key] !== undefined && JSON.stringify(given[key]) !== JSON.stringify(value);
  const on = [
    ...Object.entries(off)
      .filter(([key, value]) => differs(key, value))
      .map(([key]) => key),
    ...without.filter((key) => differs(key, recipeSchema.shape[key].parse(undefined))),
  ];
  if (on.length > 0)
    throw new UsageError(
      `augmentation=none turns all augmentation of training images off, but the recipe also sets ${on.map((key) => `${key}=${JSON.stringify(given[key])}`).join(", ")}; remove ${on.length === 1 ? "that" : "those"}, or augmentation.`,
    );
  return { ...recipe, ...off };
}

/** What the end of mixing adds to the identity of a recipe's batches. */
export const unmixedEnd = ({ unmixedEpochs, epochs }: Recipe): readonly number[] =>
  unmixedEpochs === 0 ? [] : [unmixedEpochs, epochs];

/** Refuses an end of mixing where nothing is mixed. */
export function refuseUselessEnd(recipe: Recipe): void {
  const { unmixedEpochs, epochs } = recipe;
  if (unmixedEpochs === 0) return;
  if (batchTransforms.mixing.options(recipe) === undefined)
    throw new UsageError(
      `unmixedEpochs is ${unmixedEpochs}, the last epochs without Mixup and CutMix, but the recipe never mixes; remove it, or set mixup or cutmix.`,
    );
  if (unmixedEpochs >= epochs)
    throw new UsageError(
      `unmixedEpochs is ${unmixedEpochs}, which leaves none of ${epochs} epochs in which images are mixed; set fewer, or mixup=0 and cutmix=0.`,
    );
}
