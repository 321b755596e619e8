/** The effective recipe of a run: its batch divided to fit memory, and its teacher. */

import type { ProcessGroup } from "../../cluster/process-group.js";
import type { Dataset } from "../../data/dataset/dataset.js";
import type { Engine, Precision } from "../../engines/engine.js";
import type { Model } from "../../models/model.js";
import type { Recipe } from "../recipe/recipe.js";
import type { TrainEvent } from "../run-folder/events.js";
import type { Loss } from "../step/losses/index.js";
import type { OwnTeachers } from "../teacher/own.js";
import { openTeaching } from "../teacher/teaching.js";
import { type FittingSearch, withFittingBatch } from "./fitting-batch.js";
import { type PlannedLosses, stepOf } from "./recipe-step.js";

export interface FittingOptions {
  readonly recipe: Recipe;
  readonly engine: Engine;
  /** The loss against labels instead of the recipe's. */
  readonly loss?: Loss;
  /** Functions or models in memory, if the recipe refers to them. */
  readonly ownTeacher?: OwnTeachers;
  readonly precision?: Precision;
  /** Divides the recipe's batch into as many runs as needed to fit memory. */
  readonly fitBatch?: boolean;
  /** Hears of what was decided. */
  readonly onEvent?: (event: TrainEvent) => void;
  /** A resumed run keeps its division. */
  readonly resume?: boolean;
}

/** The recipe with a batch that fits, if requested, and its teacher. */
export async function fittedTeaching(
  options: FittingOptions & PlannedLosses,
  data: Dataset,
  model: Model,
  group: ProcessGroup,
) {
  const { recipe, engine, precision } = options;
  const { batchSize } = recipe;
  const teaching = await openTeaching(recipe, data, model, group, options.ownTeacher);
  const program = (accumulate: number, gradCheckpointing = recipe.gradCheckpointing) =>
    stepOf({ ...recipe, accumulate, gradCheckpointing }, model, teaching, {
      ...options,
      devices: engine.info.devices,
    }).program;
  const search: FittingSearch = { engine, precision, batchSize, program };
  if (!options.fitBatch || options.resume) return { recipe, teaching, search };
  const close = async () => teaching.batches?.close();
  const fitting = await withFittingBatch(recipe, search, group).catch(async (error) => {
    await close();
    throw error;
  });
  if (fitting.gradCheckpointing && !recipe.gradCheckpointing)
    options.onEvent?.({
      kind: "warning",
      message:
        "Not even the smallest share of a batch fits into memory, so each block is computed again in the backward pass (gradCheckpointing), which takes about a third more time.",
    });
  if (fitting.accumulate === recipe.accumulate) return { recipe: fitting, teaching, search };
  await close(); // the outputs are for batches of one size
  return { recipe: fitting, teaching: await openTeaching(fitting, data, model, group, options.ownTeacher), search };
}
