/**
 * Decodes image files to RGB, equivalent to Pillow's `Image.open(f).convert("RGB")`: alpha is dropped unless it is asked for, the first frame
 * of an animation is used, colour profiles are ignored, and so is EXIF rotation unless requested. The format is
 * determined by content; only the formats of `file-format.ts` reach a decoder. Differences from Pillow: 16-bit grey is
 * scaled to 8 bits (`decoders/grey.ts`), and data that a decoder could not read never becomes pixels.
 */
import { FileError } from "../../errors/errors.js";
import { type Box, type Picture, pictureOf, type RgbImage, type Shrink, wholeImage } from "../pixels/image.js";
import { type Exif, upright } from "../pixels/orientation.js";
import { decodeAvif } from "./decoders/avif.js";
import { decodeBmp } from "./decoders/bmp.js";
import { decodeGif } from "./decoders/gif.js";
import { openJpeg } from "./decoders/jpeg.js";
import { decodeNetpbm } from "./decoders/netpbm.js";
import { decodePng } from "./decoders/png.js";
import { openTiff } from "./decoders/tiff.js";
import { Undecodable, wholeKinds } from "./decoders/undecodable.js";
import { decodeWebp } from "./decoders/webp.js";
import { orientationOf } from "./exif.js";
import { type Codec, fileFormat, type ReadableFormat, restoreIt } from "./file-format.js";

/** How an image file is decoded. */
export interface DecodeOptions {
  /** Path or name for messages. */
  readonly name: string;
  /**
   * `exact` uses libjpeg's accurate inverse transform, bit for bit as Pillow. `fast` may decode large images at a
   * fraction of their size, and if libjpeg-turbo is only available through its addon, uses its faster transform (a few
   * grey levels off at sharp edges), which is acceptable for training.
   */
  readonly jpeg?: "exact" | "fast";
  /** Maximum width · height (default: Pillow's limit). */
  readonly maxPixels?: number;
  /**
   * Whether an image is rotated according to its metadata, like Pillow's `ImageOps.exif_transpose` (default: ignored,
   * as in timm and torchvision).
   */
  readonly exif?: Exif;
  /**
   * Whether alpha is kept, as by Pillow's `convert("RGBA")`: of PNG, WebP, AVIF, GIF and TIFF files that have it (default:
   * it is dropped).
   */
  readonly alpha?: boolean;
  /** Allocates memory for the pixels of a JPEG, PNG or WebP (default: new memory). */
  readonly allocate?: (bytes: number) => Uint8Array;
}

/** Above this Pillow reports a decompression bomb and refuses. */
export const defaultMaxPixels = 178_956_970;

/**
 * Decodes an image; throws FileError if it is not an image, is truncated, or is too large.
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { decodeImage } from "deit";
 *
 * const { width, height, data } = await decodeImage(await readFile("cat.jpg"), { name: "cat.jpg" });
 * console.log(width, height, "first pixel", ...data.subarray(0, 3));
 * ```
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions): Promise<RgbImage> {
  return wholeImage(await openImage(bytes, options));
}

/**
 * Opens an image: its size, and its pixels on request. Throws FileError like `decodeImage`, in some cases only when
 * pixels are requested.
 */
export async function openImage(bytes: Uint8Array, options: DecodeOptions): Promise<Picture> {
  const { name, exif = "ignore" } = options;
  const format = readable(bytes, name);
  const refuse = (error: unknown): never => {
    throw error instanceof Undecodable ? refusal(name, error) : error;
  };
  const picture = await open(bytes, format.codec, options).catch(refuse);
  const { width, height, shrinks } = picture;
  const told = {
    width,
    height,
    shrinks,
    pixels: (box: Box, shrink?: Shrink) => picture.pixels(box, shrink).catch(refuse),
  };
  return exif === "apply" ? upright(told, orientationOf(bytes, format.codec)) : told;
}

/** The image as stored, regardless of the orientation in its metadata. */
async function open(bytes: Uint8Array, codec: Codec, options: DecodeOptions): Promise<Picture> {
  const { jpeg = "exact", maxPixels = defaultMaxPixels, alpha = false, allocate = fresh } = options;
  switch (codec) {
    case "jpeg":
      return openJpeg(bytes, { jpeg, maxPixels, allocate });
    case "png":
      return pictureOf(await decodePng(bytes, { maxPixels, alpha, allocate }));
    case "webp":
      return pictureOf(await decodeWebp(bytes, { maxPixels, alpha, allocate }));
    case "avif":
      return pictureOf(await decodeAvif(bytes, maxPixels, alpha));
    case "tiff":
      return openTiff(bytes, maxPixels, alpha);
    case "gif":
      return pictureOf(decodeGif(bytes, maxPixels, alpha));
    case "bmp":
      return pictureOf(decodeBmp(bytes, maxPixels));
    case "netpbm":
      return pictureOf(decodeNetpbm(bytes, maxPixels));
  }
}

const fresh = (bytes: number) => new Uint8Array(bytes);

/** The format, if it is supported; nothing else reaches a decoder. */
function readable(bytes: Uint8Array, name: string): ReadableFormat {
  if (bytes.length === 0) throw new FileError(name, `"${name}" is empty; ${restoreIt}.`);
  const format = fileFormat(bytes);
  if (format?.readable) return format;
  const what = format ? `${format.name}, ${format.advice}` : `not an image that can be read; ${restoreIt}`;
  throw new FileError(name, `"${name}" is ${what}.`);
}

function refusal(name: string, { reason, cause }: Undecodable): FileError {
  const sentence = (what: string) => new FileError(name, `"${name}" ${what}.`, { cause });
  switch (reason.kind) {
    case "cut":
      return sentence(`is cut short; ${restoreIt}`);
    case "damaged":
      return sentence(`is damaged${reason.how ? ` (${reason.how})` : ""}; ${restoreIt}`);
    case "unsupported":
      return sentence(`is ${reason.what}, which is not read here; convert it to JPEG or PNG`);
    case "memory": {
      const [bytes, limit] = [reason.bytes, reason.limit].map((n) => Math.round(n / 2 ** 20));
      return sentence(
        `is ${reason.how} so large that decoding it takes ${bytes} MiB, more than the limit of ${limit}; ${wholeKinds[reason.how]}, or scale it down`,
      );
    }
    case "large": {
      const { width, height, limit } = reason;
      return sentence(`has ${width}×${height} pixels, more than the limit of ${limit}; scale it down or remove it`);
    }
  }
}
