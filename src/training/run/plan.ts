/** The parts of a run, before anything is written: its data, its model and its teacher. */

import { alone } from "../../cluster/process-group.js";
import { type Dataset, sayings } from "../../data/dataset/dataset.js";
import { UsageError } from "../../errors/errors.js";
import { sentence, setting } from "../../errors/sentence.js";
import type { Model } from "../../models/model.js";
import type { OwnModel } from "../../models/own-model.js";
import { classWeightsOf } from "../feed/class-weights.js";
import { openForTraining, openingOf } from "../feed/data-place.js";
import { type MeasuredData, measuredData } from "../feed/measured-data.js";
import { type DataOptions, trainingImages, withoutBadImages } from "../feed/training-data.js";
import type { Recipe } from "../recipe/recipe.js";
import { settledRecipe } from "../recipe/settled.js";
import { requireLabels } from "../recipe/several-labels.js";
import { requireSmallerSizes } from "../recipe/size-schedule.js";
import { createStudent } from "../recipe/student.js";
import { teachersOf } from "../recipe/teachers.js";
import type { ClassWeights } from "../step/class-weights.js";
import { createLoss } from "../step/losses/index.js";
import type { Teaching } from "../teacher/teaching.js";
import { type FittingOptions, fittedTeaching } from "./fitted-teaching.js";
import type { FittingSearch } from "./fitting-batch.js";
import type { PlannedStep } from "./recipe-step.js";

export interface Plan extends MeasuredData, PlannedStep {
  /** The training images that can be read. */
  readonly dataset: Dataset;
  /** All training images, as they were found. */
  readonly found: Dataset;
  /** All images that `test` consists of, as they were found. */
  readonly foundTest?: Dataset;
  readonly model: Model;
  /** The effective recipe: with its batch divided if requested. */
  readonly recipe: Recipe;
  readonly teaching: Teaching;
  /** The weight of each class in the loss against the labels, if they differ. */
  readonly classWeights?: ClassWeights;
  /** How to search for a batch that fits. */
  readonly search: FittingSearch;
}

export interface PlanOptions extends FittingOptions, DataOptions {
  readonly signal?: AbortSignal;
  /** The training images, if the data is already open and divided by `split`. */
  readonly training?: Dataset;
  /** Creates the model instead of the registry. */
  readonly ownModel?: OwnModel;
}

/** Checks the data first, before anything else is started. The teacher's outputs must be closed. */
export async function planRun(options: PlanOptions): Promise<Plan> {
  const { data, split: rule, signal, group = alone, onEvent } = options;
  if (options.augment && teachersOf(options.recipe).some((one) => one.recipe.teacherCache !== undefined))
    throw new UsageError(
      "Stored answers of a teacher (teacherCache) belong to images as the recipe makes them, and augment changes these; leave one of them out.",
    );
  if (options.augment && options.recipe.frozenViews !== undefined)
    throw new UsageError(
      "Stored features of the frozen part (frozenViews) belong to images as the recipe makes them, and augment changes these; leave one of them out.",
    );
  if (options.loss && options.recipe.classWeights !== "none")
    throw new UsageError(
      "A loss of your own (loss) weighs classes as it likes and does not read classWeights; leave one of them out.",
    );
  const { recipe, notes } = await settledRecipe(options.recipe, options.ownModel);
  const found = options.training ?? (await openForTraining(data, { rule, signal, onProgress: openingOf(onEvent) }));
  for (const message of [...notes, ...sayings(found)]) onEvent?.({ kind: "warning", message });
  requireLabels(recipe, found);
  if (recipe.labels === "several" && group.count > 1)
    throw new UsageError(
      "Several processes do not gather the predictions that average precision needs; train images of several labels with one process.",
    );
  const dataset = await trainingImages(found, recipe, options);
  const { test: foundTest, ...rest } = await measuredData(options, found.classes);
  for (const part of [foundTest, rest.final]) if (part) requireLabels(recipe, part);
  const readable = async (part: Dataset | undefined) => part && (await withoutBadImages(part, options));
  const measured = { ...rest, test: await readable(foundTest), final: await readable(rest.final) };
  if (!measured.test) refuseUnmeasured(recipe);
  if (recipe.evalMetric === "top5" && found.classes.length <= 5)
    throw new UsageError(
      `evalMetric is top5, which is always 100 % of ${found.classes.length} classes; set evalMetric=top1 or loss.`,
    );
  const model = createStudent(recipe, found.classes.length, options.ownModel);
  requireSmallerSizes(model, recipe);
  const classWeights = classWeightsOf(recipe, dataset, "classWeights");
  const distillationWeights = classWeightsOf(recipe, dataset, "distillationClassWeights");
  const loss = options.loss ?? (classWeights && createLoss(recipe.loss, recipe, classWeights));
  const teaching = await fittedTeaching({ ...options, recipe, loss, distillationWeights }, dataset, model, group);
  const { devices } = options.engine.info;
  const step = { classWeights, loss, distillationWeights, devices };
  return { dataset, found, foundTest, ...measured, model, ...teaching, ...step };
}

/** Refuses settings that decide by evaluations, of which there are none. */
function refuseUnmeasured({ patience, keepBest, validateEvery, evalMetric, schedule }: Recipe): void {
  const deciding = [
    ...(patience === undefined ? [] : ["patience"]),
    ...(keepBest > 1 ? ["keepBest"] : []),
    ...(validateEvery > 1 ? ["validateEvery"] : []),
    ...(evalMetric === "auto" ? [] : ["evalMetric"]),
    ...(schedule === "plateau" ? ["schedule=plateau"] : []),
  ];
  if (deciding.length > 0)
    throw new UsageError(
      sentence`The recipe sets ${deciding.join(" and ")}, but the run is measured on nothing; hold out a share of the images with ${setting("split")}, name data with ${setting("validation")}, or remove ${deciding.join(" and ")}.`,
    );
}
