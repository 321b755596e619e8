/** What weights say of the model they belong to, as settings of a recipe. */
import { checkpointMetadata, savedConfig } from "../../evaluation/checkpoint-metadata.js";
import { describeWeights } from "../../evaluation/describe-weights.js";
import { type DeitSizes, nameOf, recognizeDeit } from "../../models/recognize.js";
import type { ModelOptions } from "../../models/registry.js";
import type { JsonObject } from "../../system/text/json.js";
import { loadWeights } from "../../weights/load.js";
import { locateWeights } from "../../weights/locate.js";
import { type RecipeSettings, recipeSchema } from "./recipe.js";

/** Settings of a model that its training decides again. */
const decidedByTraining = ["dropPath", "dropout"];

/**
 * The settings `model`, its sizes and `imageSize` of the weights that `source` means; none where nothing tells. Weights
 * of a distilled model also ask for `distillation: "labels"`, so that both heads learn. Throws what reading them does.
 */
export async function describedWeights(source: string, model?: string): Promise<Partial<RecipeSettings>> {
  const files = await locateWeights({ weights: source, model: model ?? recipeSchema.shape.model.parse(undefined) });
  const loaded = await loadWeights(files);
  const { tensors, metadata } = loaded;
  const named = metadata[checkpointMetadata.model];
  if (named !== undefined) return ofOwn(named, savedConfig(metadata));
  const sizes = recognizeDeit(new Map([...tensors].map(([name, { shape }]) => [name, shape])));
  const { heads } = (await describeWeights(files, loaded)).options;
  return sizes ? { ...ofSizes(sizes), ...(heads === undefined ? {} : { heads }) } : {};
}

/** From the configuration in the metadata of a file of our own. */
function ofOwn(model: string, saved: ModelOptions): Partial<RecipeSettings> {
  const config: JsonObject = { ...saved };
  const known = Object.keys(recipeSchema.shape).filter((key) => !decidedByTraining.includes(key));
  const pick = (keys: readonly string[]) =>
    Object.fromEntries(keys.filter((key) => config[key] !== undefined).map((key) => [key, config[key]]));
  const regnet = pick(["initialWidth", "slope", "factor", "groupWidth", "stemWidth", "stemStride"]);
  return {
    ...{ model, ...pick(known) },
    ...(model === "regnety" ? { regnet } : {}),
    ...(config.distilled === true ? { distillation: "labels" } : {}),
  };
}

function ofSizes(sizes: DeitSizes): Partial<RecipeSettings> {
  const { width, depth, hidden, patchSize, imageSize, distilled } = sizes;
  const both = distilled ? ({ distillation: "labels" } as const) : {};
  const name = nameOf(sizes) ?? nameOf({ ...sizes, imageSize: 224 });
  if (name !== undefined) return { model: name, imageSize, ...both };
  return { model: "deit", width, depth, mlpRatio: hidden / width, patchSize, imageSize, distilled, ...both };
}
