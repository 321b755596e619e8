/** One sample to one view: read, decode, transform. The work of a loader's worker. */
import { RandomStream } from "../random/stream.js";
import type { SampleSource } from "./dataset.js";
import { type DecodeOptions, openImage } from "./decode.js";
import { type Picture, type RgbImage, wholeImage } from "./image.js";
import { type EncodedImage, readSource } from "./read-source.js";
import { planView, type Transform } from "./transform.js";

export type ReadOptions = Pick<DecodeOptions, "jpeg" | "maxPixels" | "allocate">;

export interface ViewOptions extends ReadOptions {
  readonly transform: Transform;
}

/** Where the random choices of a view come from. */
export interface ViewKey {
  readonly seed: number;
  readonly epoch: number;
  readonly sample: number;
  readonly view: number;
}

export async function readSample(source: SampleSource, options: ReadOptions): Promise<RgbImage> {
  return wholeImage(await openFound(await readSource(source), options));
}

export const openFound = async (found: EncodedImage | Picture, options: ReadOptions): Promise<Picture> =>
  "bytes" in found ? openImage(found.bytes, { ...options, name: found.name }) : found;

/** The bytes of a view, `size · size · 3`, of what was read; a pure function of it and the key. */
export async function makeView(found: EncodedImage | Picture, options: ViewOptions, key: ViewKey): Promise<Uint8Array> {
  const picture = await openFound(found, options);
  const { reads, shrink, make } = planView(
    picture,
    options.transform,
    new RandomStream({ ...key, purpose: "augment" }),
  );
  return make(await picture.pixels(reads, shrink));
}
