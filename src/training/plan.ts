/** What a run is made of, before anything is written: its data, its model and who teaches it. */
import type { Dataset } from "../data/dataset.js";
import { openDataset } from "../data/open.js";
import type { Model } from "../models/model.js";
import { alone } from "../system/coordination/process-group.js";
import { type FittingOptions, fittedTeaching } from "./fitted-teaching.js";
import type { FittingSearch } from "./fitting-batch.js";
import type { Recipe } from "./recipe.js";
import { settledRecipe } from "./settled-recipe.js";
import { createStudent } from "./student.js";
import type { Teaching } from "./teaching.js";
import { type DataOptions, testData, withoutBadImages } from "./training-data.js";

export interface Plan {
  /** The training images that can be read. */
  readonly dataset: Dataset;
  /** All training images, as they were found. */
  readonly found: Dataset;
  readonly test?: Dataset;
  readonly model: Model;
  /** The recipe as it will be followed: with its batch divided where that was asked for. */
  readonly recipe: Recipe;
  readonly teaching: Teaching;
  /** How a batch that fits would be looked for. */
  readonly search: FittingSearch;
}

export interface PlanOptions extends FittingOptions, DataOptions {
  readonly signal?: AbortSignal;
}

/** Data first: nothing is worth starting before it is known to be there and sound. The teacher's answers must be closed. */
export async function planRun(options: PlanOptions): Promise<Plan> {
  const { data, split: rule, signal, group = alone, onEvent } = options;
  const { recipe, notes } = await settledRecipe(options.recipe);
  for (const message of notes) onEvent?.({ kind: "warning", message });
  const found = await openDataset(data, { split: "train", rule, signal });
  const dataset = await withoutBadImages(found, options);
  const test = await testData(options, found.classes, found);
  const model = createStudent(recipe, found.classes.length);
  return { dataset, found, test, model, ...(await fittedTeaching({ ...options, recipe }, dataset, model, group)) };
}
