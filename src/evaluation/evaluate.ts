/** Accuracy of a classifier on a dataset. */

import { alone, type ProcessGroup } from "../cluster/process-group.js";
import type { Loader } from "../data/loading/loader.js";
import { InterruptedError } from "../errors/errors.js";
import type { ImageSize } from "../geometry/image-size.js";
import { requireFiniteLogits } from "../models/finite.js";
import { imageLength } from "../models/image-batch.js";
import { modelAt } from "../models/model-at.js";
import type { Classifier } from "./classifier.js";
import { Accuracy, combined, type EvaluationResult, meanClassTop1 } from "./metrics.js";
import { SeveralAccuracy } from "./several-labels.js";
import { batchesOf, decisionOf } from "./test-time.js";

/** What to evaluate, and on which data. */
export interface EvaluateOptions {
  /** The classifier that is measured. */
  readonly classifier: Classifier;
  /** A sequential loader with the evaluation transform. */
  readonly loader: Loader;
  /** Name of a sample, for messages (default: its index). */
  readonly describe?: (index: number) => string;
  /** Ends the evaluation with InterruptedError. */
  readonly signal?: AbortSignal;
  /** Processes that evaluate together, each its share of every batch; all get the result over all. */
  readonly group?: ProcessGroup;
  /** Measures `meanClassTop1` too. */
  readonly perClass?: boolean;
  /** Called with the number of images that are done. */
  readonly onProgress?: (images: number) => void;
  /** Called with each sample's index in the dataset and its logits. */
  readonly onLogits?: (index: number, logits: Float32Array) => void;
}

/**
 * Accuracy and loss over the loader's images; with several labels also the mean average precision (of one process alone). If a view has several crops (`withCrops`), the mean of their probabilities
 * decides. Throws WeightsError if a logit is not a number, and InterruptedError if
 * `signal` is aborted.
 *
 * @example
 * ```ts
 * import { Classifier, createLoader, evaluateClassifier, evaluationTransform } from "deit";
 * import { openDataset, openEngine, openModel } from "deit";
 *
 * const engine = await openEngine();
 * const { model, weights, view } = await openModel({ weights: "runs/photos" });
 * const loader = createLoader({
 *   dataset: await openDataset("photos/", { split: "train" }),
 *   transform: evaluationTransform(view),
 *   ...{ batchSize: 8, order: "sequential", dropLast: false, seed: 0, workers: 0 },
 * });
 * const classifier = await Classifier.create({ engine, model }, weights);
 * const { top1, images } = await evaluateClassifier({ classifier, loader });
 * console.log(`${top1.toFixed(1)} % of ${images} images are right`);
 * await engine.close();
 * ```
 */
export async function evaluate({
  classifier,
  loader,
  describe = (index) => `image ${index}`,
  signal,
  group = alone,
  perClass = false,
  onProgress,
  onLogits,
}: EvaluateOptions): Promise<EvaluationResult> {
  const { model } = classifier;
  const { classes } = model;
  const accuracy = new Accuracy();
  let several: SeveralAccuracy | undefined;
  let images = 0;
  for await (const batch of loader.epoch(0)) {
    if (signal?.aborted) throw new InterruptedError("The evaluation was interrupted.");
    const { size } = batch;
    const crops = batch.images.length / (batch.labels.length * imageLength(modelAt(model, size)));
    const logits = await decisions(classifier, batch.images, { batch: loader.batchSize, crops, size });
    for (let i = 0; i < batch.count; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      requireFiniteLogits(row, classifier.model.name, describe(batch.indices[i]));
    }
    if (batch.targets) {
      several ??= new SeveralAccuracy(classes);
      several.add(logits, batch.targets, batch.count);
    } else accuracy.add(logits, batch.labels, batch.count, classes);
    for (let i = 0; i < batch.count; i++) onLogits?.(batch.indices[i], logits.subarray(i * classes, (i + 1) * classes));
    images += batch.count;
    onProgress?.(images);
  }
  if (several) {
    const { averagePrecisions: _, ...result } = several.result();
    return result;
  }
  const result = combined(await group.gather("accuracy", { ...accuracy.result() }));
  if (!perClass) return result;
  return { ...result, meanClassTop1: meanClassTop1(await group.gather("accuracy of classes", accuracy.perClass())) };
}

/** Logits of each view, of all its crops together. */
async function decisions(
  classifier: Classifier,
  images: Uint8Array,
  { batch, crops, size }: { readonly batch: number; readonly crops: number; readonly size: ImageSize },
): Promise<Float32Array> {
  if (crops === 1) return classifier.logits(images, batch, size);
  const runs: Float32Array[] = [];
  for (const part of batchesOf(images, crops)) runs.push(await classifier.logits(part, batch, size));
  return decisionOf(runs, crops, classifier.model.classes);
}
