/** One sample to one view: read, decode, transform. The work of a loader's worker. */
import { readFile } from "node:fs/promises";
import { RandomStream } from "../random/stream.js";
import { fileError } from "../system/atomic-file.js";
import type { SampleSource } from "./dataset.js";
import { decodeImage } from "./decode.js";
import type { RgbImage } from "./image.js";
import { drawProcedural } from "./sources/procedural.js";
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
  if (source.kind === "procedural") return drawProcedural(source);
  const bytes = await readFile(source.path).catch((error) => {
    throw fileError(source.path, "read", error);
  });
  return decodeImage(bytes, { name: source.path, jpeg: options.jpeg, maxPixels: options.maxPixels });
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
