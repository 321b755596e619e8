/**
 * Converts a sample to the content of a record: fully decoded, scaled down, and stored raw or as JPEG. The work of a
 * worker thread.
 */

import { isJpeg } from "../codec/decoders/jpeg-header.js";
import { orientationOf } from "../codec/exif.js";
import type { SampleSource } from "../dataset/dataset.js";
import { shorterSide } from "../pixels/crop.js";
import { type RgbImage, type Size, wholeImage } from "../pixels/image.js";
import type { Exif } from "../pixels/orientation.js";
import { resize } from "../pixels/resize.js";
import type { Description } from "../records/layout.js";
import { readSource } from "../view/read-source.js";
import { openFound } from "../view/view.js";

export interface RecordJob {
  readonly source: SampleSource;
  readonly encoding: Description["encoding"];
  readonly size: number;
  readonly quality?: number;
  /** Whether images are rotated according to their metadata (default: ignored). */
  readonly exif?: Exif;
}

export interface RecordContent extends Size {
  readonly bytes: Uint8Array;
}

/**
 * JPEGs that are already small enough keep their bytes, to avoid a second loss of quality. Throws FileError for an
 * image that cannot be read.
 */
export async function makeRecord({ source, encoding, size, quality, exif }: RecordJob): Promise<RecordContent> {
  const found = await readSource(source);
  const image = await wholeImage(await openFound(found, { jpeg: "exact", exif }));
  const small = Math.min(image.width, image.height) <= size;
  const { width, height, data } = small
    ? image
    : resize(image, { ...shorterSide(image, size), interpolation: "bicubic" });
  if (encoding === "raw") return { width, height, bytes: data };
  const kept =
    small && "bytes" in found && isJpeg(found.bytes) && (exif !== "apply" || orientationOf(found.bytes, "jpeg") === 1);
  return { width, height, bytes: kept ? found.bytes : await toJpeg({ width, height, data }, quality) };
}

async function toJpeg({ width, height, data }: RgbImage, quality: number | undefined): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  sharp.concurrency(1);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
}
