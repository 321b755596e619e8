/** The data of a run: readable training images, test images, and the views of both. */

import { join } from "node:path";
import type { ProcessGroup } from "../../cluster/process-group.js";
import type { Augmentation } from "../../data/augment/augment.js";
import { parsePolicy } from "../../data/augment/policy.js";
import { findBadImages } from "../../data/check/check-images.js";
import { type Dataset, keysOf, type SplitRule, subset } from "../../data/dataset/dataset.js";
import { fewerImages } from "../../data/dataset/fewer.js";
import { readSplit, writeSplit } from "../../data/dataset/split.js";
import { createLoader, fewerThanBatch, type Loader, type LoaderOptions } from "../../data/loading/loader.js";
import type { OwnAugmentation } from "../../data/loading/on-this-thread.js";
import { type EpochOptions, epochLength } from "../../data/loading/order.js";
import type { Fit } from "../../data/pixels/fit.js";
import type { Transform } from "../../data/view/transform.js";
import { FileError, TrainingError } from "../../errors/errors.js";
import { sentence, setting, way } from "../../errors/sentence.js";
import { defaultView, type EvaluationView, type Geometry, geometryFor, meanColor } from "../../evaluation/view.js";
import { statedChannels } from "../../geometry/channels.js";
import { type ImageSize, largestSide, smallestSide } from "../../geometry/image-size.js";
import { normalizationFor } from "../../models/image-batch.js";
import type { Model } from "../../models/model.js";
import { nativeSizesOf } from "../../models/model-at.js";
import { evaluationInterpolation, type Recipe } from "../recipe/recipe.js";
import { sizeInEpoch } from "../recipe/size-schedule.js";
import type { TrainEvent } from "../run-folder/events.js";
import type { RunFolder } from "../run-folder/folder.js";
import type { DataPlace } from "./data-place.js";

/** Where the images of a run come from, and how they are read. */
export interface DataOptions {
  /** Training images: a path of any format, or an open dataset. */
  readonly data: DataPlace;
  /** Other data for choosing the best epoch. */
  readonly validation?: DataPlace;
  /** Other data for evaluating the weights of the best epoch at the end. */
  readonly test?: DataPlace;
  /** How the data is divided for training and testing (default: by its own parts). */
  readonly split?: SplitRule;
  /** `stop` (the default) refuses data with images that cannot be read; `skip` leaves them out. */
  readonly onBadImage?: "stop" | "skip";
  /** Threads that read images; 0 reads them on this thread. */
  readonly workers: number;
  /** Changes training images after the recipe's own augmentation. */
  readonly augment?: OwnAugmentation;
  /** Processes that together make each batch. */
  readonly group?: ProcessGroup;
  /** Called for each warning about the data. */
  readonly onEvent?: (event: TrainEvent) => void;
}

/**
 * The dataset without images that cannot be read; with `stop` (the default) they cause an error that lists them all.
 */
export async function withoutBadImages(
  dataset: Dataset,
  { onBadImage = "stop", onEvent, workers }: DataOptions,
): Promise<Dataset> {
  const bad = await findBadImages(dataset, workers);
  if (bad.length === 0) return dataset;
  const list = bad.map((b) => b.message).join("\n");
  if (onBadImage === "stop") {
    throw new FileError(
      bad[0].path,
      sentence`${bad.length} of ${dataset.length} images cannot be read; fix or remove them${way`, or skip them with ${setting("onBadImage", "skip")}`}:\n${list}`,
    );
  }
  onEvent?.({
    kind: "warning",
    message: `${bad.length === 1 ? "1 image is" : `${bad.length} images are`} skipped:\n${list}`,
  });
  const skipped = new Set(bad.map((b) => b.index));
  return subset(
    dataset,
    Array.from({ length: dataset.length }, (_, i) => i).filter((i) => !skipped.has(i)),
  );
}

/** The images that a recipe trains on: as many as it says, none of which is one that cannot be read. */
export async function trainingImages(found: Dataset, { trainImages }: Recipe, options: DataOptions): Promise<Dataset> {
  if (trainImages === undefined) return withoutBadImages(found, options);
  for (let pool = found; ; ) {
    const chosen = fewerImages(pool, trainImages);
    const sound = new Set(keysOf(await withoutBadImages(chosen, options)));
    const bad = new Set(keysOf(chosen).filter((key) => !sound.has(key)));
    if (bad.size === 0) return chosen;
    // Others take the place of those that are skipped.
    const { length, key } = pool;
    pool = subset(
      pool,
      Array.from({ length }, (_, i) => i).filter((i) => !bad.has(key(i))),
    );
  }
}

/** File of a run folder with the samples held out for testing. */
export const splitFile = "split.json";

/** The split rule of a resumed run is the one recorded in its folder, whatever has been added to the data since. */
export async function resumedSplit(output: string, resume: boolean, rule?: SplitRule): Promise<SplitRule | undefined> {
  if (!resume || rule?.kind !== "hash") return rule;
  return readSplit(join(output, splitFile)).catch(() => rule);
}

/** The held-out part of a run's data, and the requested share. */
export interface SetAside {
  readonly share: number;
  readonly test: Dataset;
}

/** The part held out by a rule; undefined if the parts were given. */
export const setAsideBy = (rule: SplitRule | undefined, test: Dataset | undefined): SetAside | undefined =>
  rule && rule.kind !== "given" && test ? { share: rule.share, test } : undefined;

/** Records the split of a run, unless the parts were given. */
export async function recordSplit(folder: RunFolder, split: SetAside | undefined, train: Dataset): Promise<void> {
  if (!split) return;
  const { share, test } = split;
  await writeSplit(folder.file(splitFile), share, train.length + test.length, test);
}

/** How test images are preprocessed for the model of a run, during training and afterwards. */
export function viewOf(recipe: Recipe, model: Model): EvaluationView {
  const fit = fitOf(recipe, model);
  return {
    ...defaultView(model),
    ...geometryFor(model, { ...fit, cropRatio: recipe.evaluationCropRatio }),
    ...(fit.nativeSizes ? { nativeSizes: fit.nativeSizes } : {}),
    interpolation: evaluationInterpolation(recipe),
    exif: recipe.exif,
  };
}

/** How an image of another shape fills the view; nothing for the centre crop, which is usual. */
function fitOf({ cropMode, borderColor }: Recipe, model: Model): Pick<Geometry, "borderColor"> & Fit {
  switch (cropMode) {
    case "center":
      return {};
    case "squash":
      return { cropMode };
    case "border":
      return { cropMode, borderColor: borderColor === "mean" ? meanColor(model.normalization) : borderColor };
    case "native":
      return { cropMode, nativeSizes: nativeSizesOf(model) };
  }
}

/** The transform of training images, into those of another size than the model's if `size` says so. */
export function trainingTransform(recipe: Recipe, model: Model, size: ImageSize = model.imageSize): Transform {
  const { crop, interpolation, flip, verticalFlip, cropScale, cropRatio: ratio } = recipe;
  const { imageSize, cropRatio } = model;
  const channels = statedChannels(model.channels);
  if (crop === "none")
    return {
      kind: "evaluation",
      size,
      cropRatio: recipe.cropMode === "center" ? cropRatio : 1,
      interpolation: evaluationInterpolation(recipe),
      ...channels,
      ...fitOf(recipe, model),
    };
  return {
    kind: "training",
    size,
    interpolation,
    crop: crop !== "auto" ? crop : largestSide(imageSize) <= 32 ? "padded" : "resized",
    scale: cropScale,
    ratio,
    flip,
    verticalFlip,
    augmentation: augmentationOf(recipe, model, size),
    ...(recipe.augmentationSplits > 0 ? { splits: recipe.augmentationSplits } : {}),
    ...channels,
    ...fitOf(recipe, model),
  };
}

/** Undefined if neither policy nor jitter is requested. */
function augmentationOf(recipe: Recipe, { normalization }: Model, size: ImageSize): Augmentation | undefined {
  const { autoAugment, colorJitter, hueJitter, interpolation } = recipe;
  const { colorJitterProbability, grayscaleProbability, blurProbability } = recipe;
  const policy = parsePolicy(autoAugment);
  const further = grayscaleProbability > 0 || blurProbability > 0;
  if (!policy && colorJitter === 0 && hueJitter === 0 && !further) return undefined;
  const [r, g, b] = normalizationFor(normalization, 3).mean.map((m) => Math.min(255, Math.round(255 * m)));
  return {
    policy,
    jitter: { brightness: colorJitter, contrast: colorJitter, saturation: colorJitter, hue: hueJitter },
    // Left out where they have no effect: a transform identifies the stored answers of a teacher.
    ...(colorJitterProbability < 1 ? { jitterProbability: colorJitterProbability } : {}),
    ...(further ? { grayscaleProbability, blurProbability } : {}),
    interpolation: interpolation === "bilinear" || interpolation === "random" ? interpolation : "bicubic",
    fill: [r, g, b],
    translate: Math.trunc(0.45 * smallestSide(size)),
  };
}

/**
 * The loader of a run: batches for one run of the program, fully determined by the recipe and the data. Throws if there
 * are not enough for one step per epoch.
 */
export const trainingLoader = (dataset: Dataset, recipe: Recipe, model: Model, options: DataOptions): Loader =>
  createLoader(trainingViews(dataset, recipe, model, options));

/** How often an epoch of a recipe goes through the images, and the views of each that follow one another. */
export const epochOf = ({
  epochRepeats,
  repeatedAugmentation,
}: Pick<Recipe, "epochRepeats" | "repeatedAugmentation">): Pick<EpochOptions, "passes" | "repeats"> => ({
  passes: epochRepeats,
  repeats: repeatedAugmentation,
});

/** The same, as what a loader is to read. */
export function trainingViews(dataset: Dataset, recipe: Recipe, model: Model, options: DataOptions): LoaderOptions {
  const { batchSize, accumulate } = recipe;
  if (batchSize % accumulate !== 0) {
    throw new TrainingError(
      sentence`A batch of ${batchSize} cannot be made in ${accumulate} equal runs; choose an ${setting("accumulate")} that divides it.`,
    );
  }
  // There may be enough images for a run's batch but not for the step's.
  const epoch = { dataset, ...epochOf(recipe) };
  if (epochLength(epoch) < batchSize) throw fewerThanBatch(epoch, batchSize);
  return {
    ...epoch,
    batchSize: batchSize / accumulate,
    transform: trainingTransform(recipe, model),
    transformAt: recipe.sizeSchedule && ((at) => trainingTransform(recipe, model, sizeInEpoch(recipe, model, at))),
    seed: recipe.seed,
    workers: options.workers,
    order: "shuffled",
    sampling: recipe.sampling,
    dropLast: true,
    jpeg: "fast",
    exif: recipe.exif,
    process: options.group,
    onBadImage: options.onBadImage,
    augment: options.augment,
    onSkipped: (message) => options.onEvent?.({ kind: "warning", message }),
  };
}
