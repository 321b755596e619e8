/** The packaged recipe that fits the data if none was given, as settings. */
import { type ChosenRecipe, chooseRecipe } from "./chosen.js";
import { describedWeights } from "./described-weights.js";
import { readRecipe } from "./file.js";

/** What the choice depends on besides the data. */
export interface FittingOptions {
  readonly finetune?: string;
  readonly model?: string;
  readonly batchSize?: number;
}

/**
 * Chooses by the training images; the settings are those of the recipe, of the weights, and those that fit the data.
 */
export async function fittingRecipe(
  { length: images, classes }: { readonly length: number; readonly classes: readonly string[] },
  { finetune, model, batchSize }: FittingOptions,
): Promise<{ readonly chosen: ChosenRecipe; readonly settings: Record<string, unknown> }> {
  const chosen = chooseRecipe({ images, classes: classes.length }, finetune !== undefined, batchSize);
  const described = finetune === undefined ? {} : await describedWeights(finetune, model);
  return { chosen, settings: { ...(await readRecipe(chosen.name)), ...described, ...chosen.changes } };
}
