/** One sample to one view: read, decode, transform. The work of a loader's worker. */
import { RandomStream } from "../random/stream.js";
import type { SampleSource } from "./dataset.js";
import { decodeImage } from "./decode.js";
import type { RgbImage } from "./image.js";
import { readSource } from "./read-source.js";
import { applyTransform, type Transform } from "./transform.js";

export interface ViewOptions {
  readonly transform: Transform;
  readonly jpeg: "exact" | "fast";
  readonly maxPixels?: number;
}

export async function readSample(
  source: SampleSource,
  options: { jpeg: "exact" | "fast"; maxPixels?: number },
): Promise<RgbImage> {
  const found = await readSource(source);
  return "bytes" in found ? decodeImage(found.bytes, { ...options, name: found.name }) : found;
}

/** The bytes of a view, `size · size · 3`; a pure function of the source and the key. */
export async function makeView(
  source: SampleSource,
  options: ViewOptions,
  key: { seed: number; epoch: number; sample: number; view: number },
): Promise<Uint8Array> {
  const image = await readSample(source, options);
  return applyTransform(image, options.transform, new RandomStream({ ...key, purpose: "augment" }));
}
