/** Stored features of a frozen part (`frozenViews`) are refused where nothing is frozen, or where epochs would need others. */
import { UsageError } from "../../errors/errors.js";
import type { Recipe } from "./schema.js";
import { teachersOf } from "./teachers.js";

/** `taught`: whether the run learns from a teacher. Throws UsageError. */
export function refuseUnfittingViews(recipe: Recipe, taught: boolean): void {
  const { frozenViews, frozenCache, trainedParts, epochs } = recipe;
  if (frozenViews === undefined) {
    if (frozenCache !== undefined)
      throw new UsageError(
        "frozenCache is a folder for stored features, but the recipe stores none; set frozenViews too, or remove frozenCache.",
      );
    return;
  }
  if (trainedParts === "all" || trainedParts === "attention")
    throw new UsageError(
      `frozenViews stores what the frozen part of the model makes of images, but trainedParts=${trainedParts} leaves no such part; set trainedParts=head or the last blocks, such as last-4-blocks, or remove frozenViews.`,
    );
  if (taught && teachersOf(recipe).some((one) => one.recipe.teacherCache === undefined))
    throw new UsageError(
      "frozenViews trains on stored features, without images that a teacher could see; store its predictions too (deit teach) and set teacherCache, or remove frozenViews.",
    );
  if (recipe.sampling !== "all")
    throw new UsageError(
      `frozenViews stores each image once a view, but sampling=${recipe.sampling} shows some several times an epoch; remove frozenViews, or set sampling=all.`,
    );
  if (recipe.epochRepeats > 1)
    throw new UsageError(
      `frozenViews stores each image once a view, but epochRepeats=${recipe.epochRepeats} shows it more often in an epoch; remove frozenViews, or set epochRepeats=1 and more epochs.`,
    );
  if (frozenViews === "all" || frozenViews >= epochs) return;
  const mixes = recipe.mixProbability > 0 && (recipe.mixup > 0 || recipe.cutmix > 0 || recipe.cutmixMinMax);
  const why = mixes
    ? "images are mixed with others of their batch (mixup, cutmix)"
    : recipe.repeatedAugmentation > 1
      ? "an epoch has several views of some images and none of others (repeatedAugmentation)"
      : taught
        ? "a teacher is asked about the views of each epoch"
        : undefined;
  if (why)
    throw new UsageError(
      `frozenViews is ${frozenViews}, fewer than the ${epochs} epochs, so views would be used again, but ${why}; turn that off, or set frozenViews=all.`,
    );
}
