/** The model described by weights, as settings of a recipe. */
import { checkpointMetadata, savedConfig } from "../../evaluation/checkpoint-metadata.js";
import { describeWeights } from "../../evaluation/describe-weights.js";
import { type DeitSizes, recognizeDeit, shapesOf } from "../../models/deit-sizes.js";
import { modelOfSizes } from "../../models/recognize.js";
import { type ModelOptions, usualModel } from "../../models/registry.js";
import { settingsOf } from "../../models/settings.js";
import { loadWeights } from "../../weights/load.js";
import { locateWeights } from "../../weights/locate.js";
import type { RecipeSettings } from "./recipe.js";

/**
 * The settings `model`, its sizes and `imageSize` of the weights at `source`; empty if unknown. Weights of a distilled
 * model also set `distillation: "labels"`, so that both heads learn. Throws the errors of reading them.
 */
export async function describedWeights(source: string, model?: string): Promise<Partial<RecipeSettings>> {
  const files = await locateWeights({ weights: source, model: model ?? usualModel });
  const loaded = await loadWeights(files);
  const { tensors, metadata } = loaded;
  const named = metadata[checkpointMetadata.model];
  if (named !== undefined) return ofOwn(named, savedConfig(metadata));
  const { options, imageSize } = await describeWeights(files, loaded);
  const sizes = recognizeDeit(shapesOf(tensors), imageSize);
  const { heads } = options;
  return sizes ? { ...ofSizes(sizes), ...(heads === undefined ? {} : { heads }) } : {};
}

/** From the configuration in the metadata of a file of our own. */
const ofOwn = (model: string, saved: ModelOptions): Partial<RecipeSettings> => ({
  ...{ model, ...settingsOf(model, { ...saved }) },
  ...(saved.distilled === true ? { distillation: "labels" } : {}),
});

function ofSizes(sizes: DeitSizes): Partial<RecipeSettings> {
  const { model, options } = modelOfSizes(sizes);
  return { model, ...settingsOf(model, options), ...(sizes.distilled ? { distillation: "labels" } : {}) };
}
