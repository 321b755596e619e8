/** Heads fitted to a frozen body: one pass over the images computes its features, followed by a convex fit. */
import { type Dataset, subset } from "../../data/dataset/dataset.js";
import type { Engine } from "../../engines/engine.js";
import { UsageError } from "../../errors/errors.js";
import { sentence, settingsOf } from "../../errors/sentence.js";
import { passOver } from "../../evaluation/pass.js";
import { Probe } from "../../evaluation/probe.js";
import { viewLoader } from "../../evaluation/view-loader.js";
import type { Model } from "../../models/model.js";
import { headNames } from "../../models/parts.js";
import { RandomStream } from "../../random/stream.js";
import { Closing } from "../../system/closing.js";
import type { NamedTensors } from "../../tensor/index.js";
import { viewOf } from "../feed/training-data.js";
import { type FittedHeads, fitLinearHeads } from "../head/heads.js";
import type { Recipe } from "../recipe/recipe.js";

export interface FittedHead extends FittedHeads {
  readonly images: number;
  readonly seconds: number;
}

export interface HeadFitting {
  readonly engine: Engine;
  readonly model: Model;
  /** All parameters of the model; those of the heads are ignored. */
  readonly weights: NamedTensors;
  readonly dataset: Dataset;
  readonly recipe: Recipe;
  readonly workers: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (images: number, total: number) => void;
}

/** Images used if training continues after the fit: more would hardly change its starting point. */
const enoughToBegin = 20_000;
/** Maximum bytes of features. */
const mostBytes = 4 * 2 ** 30;

/** Fits every head to the images preprocessed as in evaluation. Throws InterruptedError if the signal is aborted. */
export async function fitHeads(fitting: HeadFitting): Promise<FittedHead> {
  const { engine, model, weights, recipe, workers, signal, onProgress } = fitting;
  const start = performance.now();
  const dataset = recipe.epochs === 0 ? fitting.dataset : fewer(fitting.dataset, recipe.seed);
  const heads = headNames(model).map((name) => ({ name, width: weights.get(`${name}.weight`)!.shape[1] }));
  if (heads.length === 0)
    throw new UsageError(
      `The model "${model.name}" names no head that could be fitted; declare it by nn.head, or set headStart=given.`,
    );
  const needed = heads.reduce((sum, { width }) => sum + 4 * width * dataset.length, 0);
  if (needed > mostBytes)
    throw new UsageError(
      sentence`The features of ${dataset.length} images would take ${Math.ceil(needed / 2 ** 30)} GiB of memory; train the head by steps instead, with ${settingsOf({ headStart: "given", trainedParts: "head", epochs: 5 })}.`,
    );
  const closing = new Closing();
  try {
    const features = heads.map(({ width }) => new Float32Array(width * dataset.length));
    const labels = new Int32Array(dataset.length);
    const probe = await Probe.create(engine, model, weights, (seen) =>
      Object.fromEntries(heads.map(({ name }) => [name, seen.value(`${name}.input`)])),
    );
    closing.add(() => probe.dispose());
    const { devices } = engine.info;
    const batchSize = Math.ceil(Math.min(32, dataset.length) / devices) * devices;
    const loader = viewLoader({ dataset, view: viewOf(recipe, model), batchSize, workers, jpeg: "fast" });
    closing.add(() => loader.close());
    let seen = 0;
    for await (const { batch, values } of passOver(probe, { loader, signal })) {
      labels.set(batch.labels.subarray(0, batch.count), seen);
      for (const [i, { name, width }] of heads.entries())
        features[i].set((values.get(name)!.data as Float32Array).subarray(0, batch.count * width), seen * width);
      seen += batch.count;
      onProgress?.(seen, dataset.length);
    }
    const read = heads.map((head, i) => ({ ...head, features: features[i] }));
    const fitted = await fitLinearHeads(engine, read, { labels, classes: model.classes, signal });
    return {
      ...fitted,
      images: dataset.length,
      seconds: (performance.now() - start) / 1000,
    };
  } finally {
    await closing.close();
  }
}

/** The dataset, or a sufficient sample of it, drawn by the seed. */
function fewer(dataset: Dataset, seed: number): Dataset {
  if (dataset.length <= enoughToBegin) return dataset;
  const order = new RandomStream({ seed, purpose: "head fit" }).permutation(dataset.length);
  return subset(dataset, order.slice(0, enoughToBegin).sort());
}
