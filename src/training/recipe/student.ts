/** The model that a recipe trains. */
import { UsageError } from "../../errors/errors.js";
import { normalizationOf } from "../../evaluation/normalization.js";
import type { Model } from "../../models/model.js";
import { createModel } from "../../models/registry.js";
import type { Recipe } from "./recipe.js";

/** Creates it for `classes` classes and checks that it fits the recipe's distillation. */
export function createStudent(recipe: Recipe, classes: number): Model {
  const { imageSize, patchSize, width, depth, heads, mlpRatio, dropPath, dropout, distilled, normEpsilon } = recipe;
  const { initialWidth, slope, factor, groupWidth, stemWidth, stemStride } = recipe.regnet;
  const made = createModel(recipe.model, {
    ...{ imageSize, patchSize, width, depth, heads, mlpRatio, dropPath, dropout, distilled, normEpsilon },
    ...{ initialWidth, slope, factor, groupWidth, stemWidth, stemStride },
    classes,
  });
  const model =
    recipe.normalization === "auto" ? made : { ...made, normalization: normalizationOf(recipe.normalization) };
  if (model.distilled && (recipe.distillation === "none" || recipe.distillationOn === "class")) {
    throw new UsageError(
      `The model "${model.name}" has a distillation token, but the recipe trains nothing with it; set distillation to hard, soft or labels (with distillationOn=auto), or choose a model without the token.`,
    );
  }
  const wantsToken = recipe.distillation === "labels" || recipe.distillationOn === "distillation";
  if (!model.distilled && recipe.distillation !== "none" && wantsToken) {
    throw new UsageError(
      `The recipe distils through a distillation token, but the model "${model.name}" has none; choose a distilled model or set distilled=true.`,
    );
  }
  return model;
}
