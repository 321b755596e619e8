/** What a recipe leaves to the weights that it begins from: how the student's images are normalised. */
import { DeitError } from "../errors.js";
import { describeWeights } from "../evaluation/open-model.js";
import { resolveView } from "../evaluation/view.js";
import { locateWeights } from "../weights/locate.js";
import { openSafetensors } from "../weights/safetensors.js";
import type { Recipe } from "./recipe.js";
import { createStudent } from "./student.js";

/**
 * The recipe with the normalisation of the weights in `finetune`, where it is left to them and is not the model's own;
 * `notes` say so. A run that goes on may have lost its first weights: then the recipe stays as it is.
 */
export async function settledRecipe(
  recipe: Recipe,
): Promise<{ readonly recipe: Recipe; readonly notes: readonly string[] }> {
  if (recipe.normalization !== "auto" || recipe.finetune === undefined) return { recipe, notes: [] };
  const model = createStudent(recipe, 2);
  const found = await describedView(recipe.finetune, recipe.model);
  if (!found) return { recipe, notes: [] };
  const { normalization } = resolveView(
    model,
    {},
    found.map(({ source, normalization }) => ({ source, normalization })),
  ).view;
  const same = JSON.stringify(normalization) === JSON.stringify(model.normalization);
  if (same) return { recipe, notes: [] };
  const { mean, std } = normalization;
  return {
    recipe: { ...recipe, normalization: { mean: [...mean], std: [...std] } },
    notes: [
      `Images are normalised as the weights in "${recipe.finetune}" want it: mean ${mean.join(" ")}, deviation ${std.join(" ")}. The setting normalization decides otherwise.`,
    ],
  };
}

async function describedView(weights: string, model: string) {
  try {
    const found = await locateWeights({ weights, model });
    return (await describeWeights(found, await metadataOf(found.files[0]))).view;
  } catch (error) {
    if (error instanceof DeitError && error.exitCode !== 5) return undefined; // beginning from them says what is wrong
    throw error;
  }
}

/** What a safetensors file says of itself; nothing for others. */
async function metadataOf(path: string): Promise<Readonly<Record<string, string>>> {
  const file = await openSafetensors(path).catch(() => undefined);
  if (!file) return {};
  await file.close();
  return file.metadata;
}
