/**
 * Bytes of an image file to RGB, with the meaning of Pillow's `Image.open(f).convert("RGB")`: alpha is dropped, the
 * first frame of an animation counts, EXIF rotation is not applied, colour profiles are ignored. One difference: 16-bit
 * grey is scaled to 8 bits, where Pillow clips it at 255 and so turns it white.
 */
import { createRequire } from "node:module";
import { FileError } from "../errors.js";
import { stillAvif } from "./decoders/avif.js";
import { orientationOf } from "./exif.js";
import { fileFormat } from "./file-format.js";
import { type Picture, type Pixels, pictureOf, type RgbImage, type Shrink, wholeBox, wholeImage } from "./image.js";
import { upright } from "./orientation.js";
import { resize } from "./resize.js";
import { turboJpeg } from "./turbojpeg.js";

export type Exif = "ignore" | "apply";

export interface DecodeOptions {
  /** Path or name for messages. */
  readonly name: string;
  /**
   * `exact` gives libjpeg's accurate inverse transform, bit for bit as Pillow. `fast` is free to decode large images at
   * a fraction of their size, and where libjpeg-turbo can only be had through its addon takes its quicker transform (a
   * few grey levels off at sharp edges), which training can afford.
   */
  readonly jpeg?: "exact" | "fast";
  /** Largest width · height; Pillow's own limit unless told. */
  readonly maxPixels?: number;
  /**
   * Whether an image is turned as its metadata asks, as Pillow's `ImageOps.exif_transpose` does; ignored unless told, as
   * in timm and torchvision.
   */
  readonly exif?: Exif;
  /** Gives memory for the pixels of a JPEG; fresh memory unless told. */
  readonly allocate?: (bytes: number) => Uint8Array;
}

/** Above this Pillow speaks of a decompression bomb and refuses. */
export const defaultMaxPixels = 178_956_970;

interface JpegAddon {
  readonly FORMAT_RGB: number;
  decompressSync(bytes: Uint8Array, options: { format: number }): { width: number; height: number; data: Uint8Array };
}

const require = createRequire(import.meta.url);
let addon: JpegAddon | undefined;

/** Decodes an image; throws FileError with a sentence when it is none, is cut short, or is too large. */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions): Promise<RgbImage> {
  return wholeImage(await openImage(bytes, options));
}

/**
 * Opens an image: its size, and its pixels as far as they are asked for. Throws FileError as `decodeImage` does, some
 * of it only when pixels are asked for.
 */
export async function openImage(bytes: Uint8Array, options: DecodeOptions): Promise<Picture> {
  const picture = await openStored(bytes, options);
  return options.exif === "apply" ? upright(picture, orientationOf(bytes)) : picture;
}

/** The image as it is stored, whatever its metadata asks for. */
async function openStored(bytes: Uint8Array, options: DecodeOptions): Promise<Picture> {
  const { name, jpeg = "exact", maxPixels = defaultMaxPixels, allocate = fresh } = options;
  if (bytes.length === 0) throw new FileError(name, `"${name}" is empty; remove it or restore it.`);
  const header = isJpeg(bytes) ? jpegHeader(bytes) : undefined;
  if (header && header.width * header.height > maxPixels) throw tooLarge(name, header.width, header.height, maxPixels);
  // Another decoder knows more kinds of JPEG, and says what is wrong with the rest.
  const otherwise = async () => pictureOf(await decodeWithSharp(bytes, name, maxPixels));
  const turbo = header && turboJpeg();
  const size = turbo?.size(bytes);
  if (turbo && size) {
    if (size.width * size.height > maxPixels) throw tooLarge(name, size.width, size.height, maxPixels);
    return {
      ...size,
      shrinks: jpeg === "fast",
      pixels: async (box, shrink = 1) =>
        turbo.decode(bytes, box, shrink, allocate) ?? shrunk(await (await otherwise()).pixels(box), shrink),
    };
  }
  const quick = !turbo && jpeg === "fast" ? decodeJpegStrictly(bytes, maxPixels) : undefined;
  return quick && quick !== "faulty" ? pictureOf(quick) : otherwise();
}

const fresh = (bytes: number) => new Uint8Array(bytes);

/** What could only be decoded whole, at the size that was asked for. */
function shrunk(pixels: Pixels, shrink: Shrink): Pixels {
  if (shrink === 1) return pixels;
  const width = Math.ceil(pixels.width / shrink);
  const height = Math.ceil(pixels.height / shrink);
  const { data } = resize(pixels, { width, height, interpolation: "bilinear" });
  return { left: 0, top: 0, width, height, data };
}

/**
 * The pixels of a JPEG whose data is without fault; "faulty" where the decoder had to guess, or could not go on;
 * undefined for what this decoder is not for: other formats, CMYK, and more than `maxPixels`.
 */
export function decodeJpegStrictly(bytes: Uint8Array, maxPixels = defaultMaxPixels): RgbImage | "faulty" | undefined {
  const header = isJpeg(bytes) ? jpegHeader(bytes) : undefined;
  if (!header || header.components === 4 || header.width * header.height > maxPixels) return undefined;
  const turbo = turboJpeg();
  if (turbo) return turbo.decode(bytes, wholeBox(header), 1, fresh) ?? "faulty";
  try {
    addon ??= require("@julusian/jpeg-turbo") as JpegAddon;
    return addon.decompressSync(bytes, { format: addon.FORMAT_RGB });
  } catch {
    return "faulty";
  }
}

async function decodeWithSharp(bytes: Uint8Array, name: string, maxPixels: number): Promise<RgbImage> {
  const { default: sharp } = await import("sharp");
  sharp.cache(false);
  sharp.concurrency(1);
  try {
    const file = fileFormat(bytes)?.name === "AVIF" ? stillAvif(bytes).bytes : bytes;
    const image = sharp(file, { failOn: "truncated", limitInputPixels: false, ignoreIcc: true, pages: 1 });
    const { width, height, space } = await image.metadata();
    if (width * height > maxPixels) throw tooLarge(name, width, height, maxPixels);
    const cmyk = space === "cmyk";
    const { data, info } = await (cmyk
      ? image.pipelineColourspace("cmyk").toColourspace("cmyk")
      : image.toColourspace("srgb").removeAlpha()
    )
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: toRgb(data, info.channels, cmyk) };
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw new FileError(name, `"${name}" ${reason(error, bytes)}; restore or remove it.`, { cause: error });
  }
}

function reason(error: unknown, bytes: Uint8Array): string {
  // By the bytes first: libvips keeps one text for all threads, so that another failure may have taken this one's.
  const format = fileFormat(bytes);
  if (format && !format.readable) return `is ${format.name}, which is no image that can be read`;
  if (!format) return "is no image that can be read";
  if (endsEarly(bytes)) return "is cut short";
  const text = (error instanceof Error ? error.message : String(error)).split("\n")[0].trim();
  if (/unsupported image format|Input buffer contains|Input buffer has corrupt header/i.test(text))
    return `is damaged, or a kind of ${format.name} that cannot be read`;
  if (/premature end|truncated|end of (file|stream|data)|not enough data/i.test(text)) return "is cut short";
  return text === "" || /unknown error/i.test(text) ? "is damaged" : `is damaged (${text})`;
}

/** A JPEG or PNG without its end mark, or a WebP shorter than it says. */
function endsEarly(bytes: Uint8Array): boolean {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isJpeg(bytes)) {
    // A small picture inside the metadata has an end mark of its own.
    return all.indexOf(Buffer.from([0xff, 0xd9]), endOfJpegHead(bytes)) < 0;
  }
  const head = all.subarray(0, 12).toString("latin1");
  if (/^RIFF.{4}WEBP/s.test(head)) return all.length < 8 + all.readUInt32LE(4);
  return head.startsWith("\x89PNG") && all.lastIndexOf("IEND") < 0;
}

function tooLarge(name: string, width: number, height: number, limit: number): FileError {
  return new FileError(
    name,
    `"${name}" has ${width}×${height} pixels, more than the limit of ${limit}; scale it down or remove it.`,
  );
}

function toRgb(data: Uint8Array, channels: number, cmyk: boolean): Uint8Array {
  if (channels === 3) return data;
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) {
      const value = data[i * channels + (channels < 3 ? 0 : c)];
      rgb[i * 3 + c] = cmyk ? underBlack(value, data[i * channels + 3]) : value;
    }
  }
  return rgb;
}

/** Ink to light as Pillow does: (255 - ink)(255 - black) / 255, rounded. */
function underBlack(ink: number, black: number): number {
  const light = 255 - black;
  const product = ink * light + 128;
  return Math.max(0, light - (((product >> 8) + product) >> 8));
}

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes.length > 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Segments of a JPEG before its first scan: marker and position. Ends early where the data does. */
function* jpegSegments(bytes: Uint8Array): Generator<{ readonly marker: number; readonly at: number }, void> {
  for (let at = 2; at + 3 < bytes.length; ) {
    if (bytes[at] !== 0xff) return;
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    yield { marker, at };
    at += 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
  }
}

/** Where the segments of a JPEG end: at its first scan, at a fault, or where the data does. */
function endOfJpegHead(bytes: Uint8Array): number {
  let end = 2;
  for (const { marker, at } of jpegSegments(bytes)) {
    if (marker === 0xda) return at;
    end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
  }
  return end;
}

/** Size and components from the frame header of a JPEG, if one is found. */
export function jpegHeader(bytes: Uint8Array): { width: number; height: number; components: number } | undefined {
  for (const { marker, at } of jpegSegments(bytes)) {
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (frame && at + 9 < bytes.length) {
      return {
        height: (bytes[at + 5] << 8) | bytes[at + 6],
        width: (bytes[at + 7] << 8) | bytes[at + 8],
        components: bytes[at + 9],
      };
    }
  }
  return undefined;
}
