/** Preview of training images: some images of a batch after all augmentation, with their mixed labels. */

import type { Dataset } from "../../data/dataset/dataset.js";
import type { Batch, Loader } from "../../data/loading/loader.js";
import type { RgbImage } from "../../data/pixels/image.js";
import { unpacked } from "../../data/view/channels.js";
import type { Engine } from "../../engines/engine.js";
import { sidesOf } from "../../geometry/image-size.js";
import type { Model, Normalization } from "../../models/model.js";
import { modelAt } from "../../models/model-at.js";
import { type HostTensor, hostTensor, type NamedTensors, type Program, program } from "../../tensor/index.js";
import { stepData } from "../feed/step-data.js";
import type { Recipe } from "../recipe/recipe.js";
import { batchImages, batchRows, batchTargets, batchTransformOf } from "../step/batch/index.js";
import { consistencyOf } from "../step/consistency.js";

export interface PreviewImage {
  /** The model's input pixels, before normalisation. */
  readonly image: RgbImage;
  /** Classes with their shares of the label, largest first, without smoothing. */
  readonly labels: readonly { readonly label: number; readonly weight: number }[];
  /** Index in the dataset of the image itself, and of the one it is mixed with. */
  readonly index: number;
  readonly partner: number;
}

export interface PreviewOptions {
  readonly recipe: Recipe;
  readonly model: Model;
  readonly dataset: Dataset;
  /** The run's own loader. */
  readonly loader: Loader;
  readonly engine: Engine;
  readonly epoch: number;
  /** Index of the batch in the epoch. */
  readonly step: number;
  /** Number of pictures, from the first of the batch: of each image one, or so many as `augmentationSplits` says. */
  readonly count: number;
}

/**
 * The first images of a batch as in the training step: the loader's views, then erasing and mixing by the same program,
 * with the random numbers of a run of this recipe. An image is mixed with the one at the mirrored position in the
 * batch, so only those two ends of it are processed.
 */
export async function previewBatch(options: PreviewOptions): Promise<PreviewImage[]> {
  const { recipe, model, dataset, loader, engine, epoch, step, count } = options;
  const batch = await oneBatch(loader, epoch, step);
  const size = batch.labels.length;
  const pictures = Math.max(1, recipe.augmentationSplits);
  const places = endsOf(size, Math.ceil(count / pictures));
  const seer = modelAt(model, batch.size);
  const whole = transformProgram(recipe, seer, size, dataset.classes.length);
  const part = transformProgram(recipe, seer, places.length, dataset.classes.length);
  const data = atPlaces(whole, stepData(whole, { recipe, epoch, batch }, { scalars: {} }), places);
  const executable = await engine.compile(part);
  const state = await engine.createState(new Map());
  try {
    const result = await executable.run(state, data);
    const images = result.get("seen")!.data as Float32Array;
    const targets = result.get("labelled")!.data as Float32Array;
    const pixels = images.length / (places.length * pictures);
    const classes = targets.length / places.length;
    return Array.from({ length: Math.min(count, size * pictures) }, (_, i) => {
      const place = Math.floor(i / pictures);
      return {
        image: pixelsOf(images.subarray(i * pixels, (i + 1) * pixels), seer),
        labels: shares(targets.subarray(place * classes, (place + 1) * classes)),
        index: batch.indices[place],
        partner: batch.indices[size - 1 - place],
      };
    });
  } finally {
    await state.dispose();
    await executable.dispose();
  }
}

async function oneBatch(loader: Loader, epoch: number, step: number): Promise<Batch> {
  for await (const batch of loader.epoch(epoch, step)) return batch;
  throw new RangeError(`The epoch has ${loader.stepsPerEpoch} batches, so there is no batch ${step}.`);
}

/** The first `count` positions of a batch and those they are mixed with; all if that is not fewer. */
function endsOf(size: number, count: number): number[] {
  const all = Array.from({ length: size }, (_, i) => i);
  return 2 * count >= size ? all : [...all.slice(0, count), ...all.slice(size - count)];
}

/** Only the beginning of the training step. */
function transformProgram(recipe: Recipe, model: Model, batch: number, classes: number): Program {
  const transform = batchTransformOf(recipe);
  return program({
    name: "preview",
    outputs: {
      seen: batchImages(batch, model, transform, consistencyOf(recipe)?.splits),
      labelled: batchTargets(batch, classes, 0, transform, recipe.labels === "several"),
    },
    batch: batchRows,
  });
}

/** The rows of the batch's tensors at some positions. */
function atPlaces({ inputs }: Program, data: NamedTensors, places: readonly number[]): NamedTensors {
  const perBatch = new Set(inputs.filter((i) => i.sharding === "batch").map((i) => i.name));
  return new Map([...data].map(([name, tensor]) => [name, perBatch.has(name) ? rowsOf(tensor, places) : tensor]));
}

function rowsOf({ dtype, shape, data }: HostTensor, places: readonly number[]): HostTensor {
  const row = data.byteLength / shape[0];
  const rows = data.slice(0, (data.length / shape[0]) * places.length);
  const [from, to] = [data, rows].map((d) => new Uint8Array(d.buffer, d.byteOffset, d.byteLength));
  for (const [i, place] of places.entries()) to.set(from.subarray(place * row, (place + 1) * row), i * row);
  return hostTensor(dtype, [places.length, ...shape.slice(1)], rows);
}

/** Reverses the normalisation; values beyond black and white, possible with noise, are clamped. */
function pixelsOf(values: Float32Array, { imageSize, channels, normalization }: Model): RgbImage {
  const { mean, std }: Normalization = normalization;
  const view = Uint8ClampedArray.from(values, (v, i) => 255 * (v * std[i % channels] + mean[i % channels]));
  return unpacked(channels, sidesOf(imageSize), new Uint8Array(view.buffer));
}

function shares(target: Float32Array): PreviewImage["labels"] {
  return Array.from(target, (weight, label) => ({ label, weight }))
    .filter(({ weight }) => weight > 1e-4)
    .sort((a, b) => b.weight - a.weight);
}
