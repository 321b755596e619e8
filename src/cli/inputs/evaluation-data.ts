/** Options of the commands that evaluate models on a dataset, and their loader. */
import type { Command } from "commander";
import { type Dataset, sayings } from "../../data/dataset/dataset.js";
import { readClassFile } from "../../data/dataset/files.js";
import type { Loader } from "../../data/loading/loader.js";
import { openDataset } from "../../data/sources/open.js";
import { labelledFor } from "../../evaluation/output-classes.js";
import type { SeveralCrops } from "../../evaluation/test-time.js";
import type { EvaluationView, ViewChoice } from "../../evaluation/view.js";
import { viewLoader } from "../../evaluation/view-loader.js";
import type { Model } from "../../models/model.js";
import { runSplitOption, wholeNumber, workersOption } from "../options/options.js";
import { viewOptions } from "../options/view.js";
import { openingBars } from "../output/opening-progress.js";
import { warn } from "../output/output.js";
import { type MeasuredWeights, measuringRule } from "./run-split.js";

export interface DataOptions extends ViewChoice {
  readonly data: string;
  readonly split: string;
  readonly classes?: string;
  readonly batchSize: number;
  readonly workers: number;
}

export function dataOptions(command: Command): Command {
  return viewOptions(runSplitOption(command))
    .requiredOption("--data <folder>", "images with labels: class folders, shards and others")
    .option("--classes <file>", "class names, one per line, in the order of the model outputs")
    .option("--batch-size <images>", "images per forward pass", wholeNumber(1), 8)
    .addOption(workersOption());
}

/** Class names from the file of `--classes`. */
export async function namedClasses({ classes }: DataOptions): Promise<readonly string[] | undefined> {
  return classes === undefined ? undefined : readClassFile(classes);
}

/**
 * The test part of the data, or the part held out by the run of these weights; its classes are those of the model, in
 * order (see `labelledFor`). Without a model they are `classes`, or the data's own.
 */
export async function testDataset(
  { data, split, weights }: DataOptions & { readonly weights: readonly MeasuredWeights[] },
  model: Pick<Model, "name" | "classes"> | undefined,
  classes: readonly string[] | undefined,
  signal?: AbortSignal,
): Promise<Dataset> {
  const { rule, notes } = await measuringRule(data, split, weights);
  for (const note of notes) warn(note);
  const found = await openDataset(data, {
    split: "test",
    classes: model ? undefined : classes,
    rule,
    signal,
    onProgress: openingBars(),
  });
  for (const note of sayings(found)) warn(note);
  if (model === undefined) return found;
  const { dataset, notes: matched } = labelledFor(found, model, classes);
  for (const note of matched) warn(note);
  return dataset;
}

/** All images in order, preprocessed for a model. */
export function evaluationLoader(
  dataset: Dataset,
  view: EvaluationView & Partial<SeveralCrops>,
  options: DataOptions,
): Loader {
  return viewLoader({
    dataset,
    view,
    batchSize: Math.min(options.batchSize, dataset.length),
    workers: options.workers,
  });
}
