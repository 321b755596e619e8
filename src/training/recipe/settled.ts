/** Settings that a recipe takes from its initial weights: how images are normalised, and what shapes do not show. */
import { DeitError } from "../../errors/errors.js";
import { describeWeights } from "../../evaluation/describe-weights.js";
import type { DescribedWeights } from "../../evaluation/described-weights.js";
import { resolveView } from "../../evaluation/view.js";
import type { OwnModel } from "../../models/own-model.js";
import { readDescription } from "../../weights/load.js";
import { locateWeights } from "../../weights/locate.js";
import { builtOn, type Recipe } from "./recipe.js";
import { createStudent } from "./student.js";

export interface SettledRecipe {
  readonly recipe: Recipe;
  readonly notes: readonly string[];
}

/**
 * The recipe with the normalisation and the norms' epsilon of the weights that it builds on, if it does not set them
 * and they differ from the model's own; `notes` report this. A resumed run may no longer have its initial weights: then the
 * recipe is unchanged.
 */
export async function settledRecipe(recipe: Recipe, own?: OwnModel): Promise<SettledRecipe> {
  const source = builtOn(recipe);
  const described = source === undefined ? undefined : await describedIn(source, recipe.finetune && recipe.model);
  return described
    ? withNormalization(withEpsilon({ recipe, notes: [] }, described), described, own)
    : { recipe, notes: [] };
}

function withEpsilon({ recipe, notes }: SettledRecipe, { options }: DescribedWeights): SettledRecipe {
  const { normEpsilon } = options;
  if (normEpsilon === undefined || recipe.normEpsilon !== undefined) return { recipe, notes };
  const note = `The norms add ${normEpsilon} to variances, as the weights in "${builtOn(recipe)}" were trained. The setting normEpsilon overrides this.`;
  return { recipe: { ...recipe, normEpsilon }, notes: [...notes, note] };
}

function withNormalization(
  { recipe, notes }: SettledRecipe,
  { view }: DescribedWeights,
  own?: OwnModel,
): SettledRecipe {
  if (recipe.normalization !== "auto") return { recipe, notes };
  const model = createStudent(recipe, 2, own);
  const { normalization } = resolveView(
    model,
    {},
    view.map(({ source, normalization }) => ({ source, normalization })),
  ).view;
  if (JSON.stringify(normalization) === JSON.stringify(model.normalization)) return { recipe, notes };
  const { mean, std } = normalization;
  const note = `Images are normalised as the weights in "${builtOn(recipe)}" expect: mean ${mean.join(" ")}, deviation ${std.join(" ")}. The setting normalization overrides this.`;
  return { recipe: { ...recipe, normalization: { mean: [...mean], std: [...std] } }, notes: [...notes, note] };
}

async function describedIn(weights: string, model: string | undefined): Promise<DescribedWeights | undefined> {
  try {
    const found = await locateWeights({ weights, model });
    return await describeWeights(found, await readDescription(found));
  } catch (error) {
    if (error instanceof DeitError && error.exitCode !== 5) return undefined; // loading them will report what is wrong
    throw error;
  }
}
