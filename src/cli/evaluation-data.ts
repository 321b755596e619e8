/** Options of the commands that look at models on a data set, and the loader they ask for. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import type { Dataset } from "../data/dataset.js";
import { classIndices } from "../data/labels.js";
import { createLoader, type Loader } from "../data/loader.js";
import { openDataset } from "../data/open.js";
import { readClassFile } from "../data/sources/files.js";
import { isIndex } from "../data/sources/image-folder.js";
import { parseSplitRule } from "../data/split.js";
import { UsageError } from "../errors.js";
import { evaluationTransform, type Sight } from "../evaluation/sight.js";
import type { Model } from "../models/model.js";
import { usualClasses } from "../models/usual-classes.js";
import { number, splitOption, wholeNumber } from "./options.js";

export interface DataOptions {
  readonly data: string;
  readonly split: string;
  readonly classes?: string;
  readonly cropRatio?: number;
  readonly batchSize: number;
  readonly workers: number;
}

export function dataOptions(command: Command): Command {
  return splitOption(command)
    .requiredOption("--data <folder>", "images with labels: class folders, shards and others")
    .option("--classes <file>", "class names, one per line, in the order of the models' outputs")
    .option(
      "--crop-ratio <ratio>",
      "share of the shorter side that is seen, the model's own unless told",
      number(0.01, 1),
    )
    .option("--batch-size <images>", "images per run of the program", wholeNumber(1), 8)
    .option("--workers <threads>", "threads that read images", wholeNumber(0), Math.max(1, availableParallelism() - 1));
}

/** Class names from the file of `--classes`. */
export async function namedClasses({ classes }: DataOptions): Promise<readonly string[] | undefined> {
  return classes === undefined ? undefined : readClassFile(classes);
}

/**
 * The test part of the data; its classes are those of the model, in their order. Where nobody names the classes,
 * folders that are numbers are indices of the model's outputs (ImageNet-V2), names are looked for among ImageNet's where
 * the model is one of those that know them, and others must be as many as the outputs.
 * Without a model, they are the data's own.
 */
export async function testDataset(
  { data, split }: DataOptions,
  model: Pick<Model, "name" | "classes"> | undefined,
  classes: readonly string[] | undefined,
  signal?: AbortSignal,
): Promise<Dataset> {
  const rule = await parseSplitRule(split);
  const dataset = await openDataset(data, { split: "test", classes, rule, signal });
  if (classes !== undefined || model === undefined) return dataset;
  if (dataset.classes.every(isIndex))
    return openDataset(data, { split: "test", rule, classes: Array.from({ length: model.classes }, (_, i) => `${i}`) });
  const usual = usualClasses(model);
  const known = usual && classIndices(usual);
  if (known && dataset.classes.every((name) => known.has(name)))
    return openDataset(data, { split: "test", rule, classes: usual });
  if (dataset.classes.length !== model.classes)
    throw new UsageError(
      `"${data}" has ${dataset.classes.length} classes, but the model "${model.name}" knows ${model.classes} and does not name them; name them with --classes.`,
    );
  return dataset;
}

/** All images in order, as the model sees them in evaluation. */
export function evaluationLoader(dataset: Dataset, model: Sight, options: DataOptions): Loader {
  return createLoader({
    dataset,
    batchSize: Math.min(options.batchSize, dataset.length),
    transform: evaluationTransform(model, options),
    seed: 0,
    workers: options.workers,
    order: "sequential",
    dropLast: false,
  });
}
