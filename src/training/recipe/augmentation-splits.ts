/** Several pictures of each image (`augmentationSplits`): what is off beside them, and what cannot be combined with them. */
import { parsePolicy } from "../../data/augment/policy.js";
import { UsageError } from "../../errors/errors.js";
import { batchTransforms } from "../step/batch/index.js";
import { type Recipe, type RecipeSettings, recipeSchema } from "./schema.js";

/** Settings of mixing, which recipes leave out where a change turns it off. */
export const mixingSettings = Object.keys(batchTransforms.mixing.settings) as readonly (keyof Recipe)[];

const off = { mixup: 0, cutmix: 0, cutmixMinMax: undefined } as const satisfies Partial<RecipeSettings>;

/** The recipe without mixing, if it compares pictures of an image. Throws UsageError for settings that say otherwise. */
export function withSplits(recipe: Recipe, settings: unknown): Recipe {
  const { augmentationSplits, jsdWeight } = recipe;
  if (augmentationSplits === 0) {
    if (jsdWeight !== usual("jsdWeight"))
      throw new UsageError(
        `jsdWeight is ${jsdWeight}, but the recipe has one picture of each image, and nothing to compare; set augmentationSplits=3, or remove jsdWeight.`,
      );
    return recipe;
  }
  const given = (settings ?? {}) as Readonly<Record<string, unknown>>;
  const differs = (key: keyof Recipe) =>
    given[key] !== undefined &&
    JSON.stringify(given[key]) !== JSON.stringify(key in off ? off[key as keyof typeof off] : usual(key));
  const mixing = mixingSettings.filter(differs);
  if (mixing.length > 0)
    throw new UsageError(
      `augmentationSplits=${augmentationSplits} compares pictures of one image, and mixes none with others, but the recipe also sets ${mixing.map((key) => `${key}=${JSON.stringify(given[key])}`).join(", ")}; remove ${mixing.length === 1 ? "that" : "those"}, or augmentationSplits.`,
    );
  return { ...recipe, ...off };
}

/** Throws UsageError where pictures of an image cannot be compared, or do not differ. `taught`: the run has a teacher. */
export function refuseUnfittingSplits(recipe: Recipe, taught: boolean): void {
  const { augmentationSplits, epochs, labels, cosub, frozenViews, distillation } = recipe;
  if (augmentationSplits === 0) return;
  const reason =
    epochs === 0
      ? "epochs is 0, and heads are fitted to one picture of each image"
      : labels === "several"
        ? "images of several labels (labels=several) have no distribution over the classes"
        : cosub
          ? "co-training (cosub) compares passes of its own"
          : taught || distillation !== "none"
            ? "distillation is for one picture of each image"
            : frozenViews !== undefined
              ? "stored features (frozenViews) are of one picture of each image"
              : differ(recipe)
                ? undefined
                : "nothing in the recipe makes its pictures differ, which need a crop and autoAugment, colorJitter or eraseProbability";
  if (reason)
    throw new UsageError(
      `augmentationSplits=${augmentationSplits} compares the predictions for several pictures of each image, but ${reason}; change that, or set augmentationSplits=0.`,
    );
}

/** Whether anything is done to a view after crop and flips. */
function differ(recipe: Recipe): boolean {
  const { crop, autoAugment, eraseProbability, colorJitter, hueJitter, grayscaleProbability, blurProbability } = recipe;
  const jitters = colorJitter > 0 || hueJitter > 0 || grayscaleProbability > 0 || blurProbability > 0;
  return crop !== "none" && (parsePolicy(autoAugment) !== undefined || jitters || eraseProbability > 0);
}

const usual = (key: keyof Recipe): unknown => recipeSchema.shape[key].parse(undefined);
