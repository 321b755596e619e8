/** One sample to one view: read, decode, transform. The work of a loader's worker. */
import type { ImageSize } from "../../geometry/image-size.js";
import { RandomStream } from "../../random/stream.js";
import { type DecodeOptions, openImage } from "../codec/decode.js";
import type { SampleSource } from "../dataset/dataset.js";
import { type Picture, type RgbImage, wholeImage } from "../pixels/image.js";
import { reusingPixels } from "../pixels/pixel-memory.js";
import { type EncodedImage, readSource } from "./read-source.js";
import { planView, type Transform } from "./transform.js";
import { viewSize } from "./view-size.js";

export type ReadOptions = Pick<DecodeOptions, "jpeg" | "maxPixels" | "exif" | "alpha" | "allocate">;

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

/** Writes a view of what was read into `target`, `viewBytes` bytes; a pure function of it and the key. Returns its size. */
export async function writeView(
  found: EncodedImage | Picture,
  options: ViewOptions,
  key: ViewKey,
  target: Uint8Array,
): Promise<ImageSize> {
  const picture = await openFound(found, { ...options, alpha: options.transform.channels === 4 });
  const stream = new RandomStream({ ...key, purpose: "augment" });
  const { reads, shrink, make } = planView(picture, options.transform, stream);
  const pixels = await picture.pixels(reads, shrink);
  reusingPixels(() => target.set(make(pixels)));
  return viewSize(picture, options.transform);
}
