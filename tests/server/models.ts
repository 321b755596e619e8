/** A tiny model with random weights, and images for it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { createModel, initialize, type ModelInMemory, type Prediction } from "../../src/index.js";
import { root } from "../cli/run.js";

export function tinyModel(seed = 0): ModelInMemory {
  const model = createModel("deit", { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2, classes: 5 });
  return { model, weights: initialize(model, seed), classes: ["ant", "bee", "cat", "dog", "eel"] };
}

/** The same for photos in their native aspect ratio. */
export function nativeModel(): ModelInMemory {
  const tiny = tinyModel();
  const { imageSize, channels, normalization } = tiny.model;
  const view = {
    imageSize,
    channels,
    normalization,
    cropRatio: 1,
    cropMode: "native",
    interpolation: "bicubic",
  } as const;
  return { ...tiny, view: { ...view, exif: "ignore" } };
}

export const image = (name: string): Promise<Buffer<ArrayBuffer>> =>
  readFile(join(root, "tests/fixtures/images", name)) as Promise<Buffer<ArrayBuffer>>;

/** The predictions up to rounding: an engine adds up in another order for a batch of another size. */
export const closeTo = (predictions: readonly Prediction[]): object[] =>
  predictions.map((one) => ({ ...one, score: expect.closeTo(one.score, 5) }));

/** The JSON of an answer, whose structure the test asserts. */
export const bodyOf = async (answer: Response) => JSON.parse(await answer.text());
