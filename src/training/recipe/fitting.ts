/** The packaged recipe that fits data for which none was named, as settings. */
import { type ChosenRecipe, chooseRecipe } from "./chosen.js";
import { describedWeights } from "./described-weights.js";
import { readRecipe } from "./file.js";

/** What decides beside the data. */
export interface FittingOptions {
  readonly finetune?: string;
  readonly model?: string;
  readonly batchSize?: number;
}

/** Chooses by the images to learn from; the settings are the recipe's, what the weights say, and what the data asks for. */
export async function fittingRecipe(
  { length: images, classes }: { readonly length: number; readonly classes: readonly string[] },
  { finetune, model, batchSize }: FittingOptions,
): Promise<{ readonly chosen: ChosenRecipe; readonly settings: Record<string, unknown> }> {
  const chosen = chooseRecipe({ images, classes: classes.length }, finetune !== undefined, batchSize);
  const described = finetune === undefined ? {} : await describedWeights(finetune, model);
  return { chosen, settings: { ...(await readRecipe(chosen.name)), ...described, ...chosen.changes } };
}
