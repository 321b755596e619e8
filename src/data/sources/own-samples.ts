/** A dataset whose images the caller reads: from a database, an object store, or anywhere else. */
import { FileError, UsageError } from "../../errors/errors.js";
import { reasonOf } from "../../errors/message-of.js";
import type { Dataset, SampleContent } from "../dataset/dataset.js";
import { type PixelImage, rgbOf } from "../pixels/pixel-image.js";

/** An image as the caller has it, with its label. */
export interface OwnSample {
  /** An image file's content (JPEG, PNG and the other supported file formats), or decoded pixels. */
  readonly image: Uint8Array | Blob | PixelImage;
  /** Name of its class, or its index in `classes`; required if the dataset has no `label()`. */
  readonly label?: string | number;
}

/** Images that are read when they are needed. */
export interface OwnSamples {
  /** Number of images, 1 or more. */
  readonly length: number;
  /** Names of the classes, in the order of the model's outputs. */
  readonly classes: readonly string[];
  /** Reads an image. It may be called at any time, repeatedly and concurrently; what it throws is reported with the image. */
  read(index: number): Promise<OwnSample> | OwnSample;
  /** The label of an image. Without it, all images are read once at the start to collect their labels. */
  label?(index: number): string | number;
  /** Identifies an image in every run (default: its index). */
  key?(index: number): string;
  /** Name in messages (default: "samples"). */
  readonly name?: string;
}

/** Images that are read concurrently. */
const atOnce = 16;

/**
 * The caller's images as a dataset, for `train` and `createLoader`. Images are decoded when they are needed, not checked in
 * advance. Throws UsageError for a label that is not one of the classes, for a missing one, and for a duplicate key.
 *
 * @example
 * ```js
 * import { sampleDataset } from "deit";
 *
 * const red = { width: 1, height: 1, data: new Uint8Array([255, 0, 0]) };
 * const data = await sampleDataset({ length: 2, classes: ["blue", "red"], read: () => ({ image: red, label: "red" }) });
 * console.log(data.length, data.label(0));
 * ```
 */
export async function sampleDataset(samples: OwnSamples, signal?: AbortSignal): Promise<Dataset> {
  const { length, classes, name = "samples" } = samples;
  if (!Number.isInteger(length) || length < 1)
    throw new UsageError(`"${name}" has ${length} images; its length must be a whole number, 1 or more.`);
  if (!Array.isArray(classes) || classes.some((one) => typeof one !== "string"))
    throw new UsageError(`"${name}" does not name its classes; give their names as classes, an array of strings.`);
  const describe = (index: number) => `${name}[${index}]`;
  const places = new Map(classes.map((one, i) => [one, i]));
  const placeOf = (label: string | number | undefined, index: number): number => {
    const place = typeof label === "string" ? places.get(label) : label;
    if (place !== undefined && Number.isInteger(place) && place >= 0 && place < classes.length) return place;
    throw new UsageError(
      label === undefined
        ? `${describe(index)} has no label; give it with the image, or by label(index).`
        : `The label of ${describe(index)} is ${JSON.stringify(label)}, which is not one of the ${classes.length} classes; give the name or index of a class.`,
    );
  };
  const labels = new Int32Array(length);
  if (samples.label) for (let i = 0; i < length; i++) labels[i] = placeOf(samples.label(i), i);
  else
    await forEach(length, async (i) => {
      signal?.throwIfAborted();
      labels[i] = placeOf((await readOne(samples, i, describe)).label, i);
    });
  const keys = Array.from({ length }, (_, i) => samples.key?.(i) ?? String(i));
  const seen = new Set<string>();
  for (const key of keys) {
    if (seen.has(key)) throw new UsageError(`Two images of "${name}" have the key "${key}"; keys must be unique.`);
    seen.add(key);
  }
  const content = async (index: number): Promise<SampleContent> => {
    const { image, label } = await readOne(samples, index, describe);
    if (label !== undefined && placeOf(label, index) !== labels[index])
      throw new UsageError(
        `The label of ${describe(index)} was ${JSON.stringify(classes[labels[index]])} and is ${JSON.stringify(label)} now; an image must keep its label.`,
      );
    const named = { name: describe(index) };
    if (image instanceof Uint8Array || image instanceof Blob) return { kind: "bytes", bytes: image, ...named };
    return { kind: "image", ...rgbOf(image, describe(index)), ...named };
  };
  return {
    ...{ name, classes, length, describe },
    label: (index) => labels[index],
    key: (index) => keys[index],
    source: (index) => ({ kind: "callback", read: () => content(index), name: describe(index) }),
  };
}

/** Whether the data of a run is the caller's samples, not an open dataset. */
export const isOwnSamples = (place: object): place is OwnSamples => "read" in place && typeof place.read === "function";

async function readOne(samples: OwnSamples, index: number, describe: (index: number) => string): Promise<OwnSample> {
  let sample: OwnSample;
  try {
    sample = await samples.read(index);
  } catch (error) {
    throw new FileError(describe(index), `Cannot read ${describe(index)}: ${reasonOf(error)}`, { cause: error });
  }
  const image = sample?.image as Partial<PixelImage> | Uint8Array | Blob | undefined;
  if (image instanceof Uint8Array || image instanceof Blob || (typeof image === "object" && image?.data)) return sample;
  throw new UsageError(
    `Reading ${describe(index)} returned no image; return { image } with the bytes of an image file, a Blob, or { width, height, data }.`,
  );
}

/** Does the work for every index, a few at a time. */
async function forEach(length: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < length) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, length) }, worker));
}
