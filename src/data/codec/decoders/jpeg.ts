/** JPEG as Pillow reads it, by libjpeg-turbo if it can be called. */
import { createRequire } from "node:module";
import { inTurn } from "../../pixels/huge-pictures.js";
import {
  type Picture,
  type Pixels,
  pictureOf,
  type RgbImage,
  type Shrink,
  type Size,
  wholeBox,
} from "../../pixels/image.js";
import { resize } from "../../pixels/resize.js";
import { endOfJpegHead, isJpeg, type JpegHeader, jpegHeader } from "./jpeg-header.js";
import { decodeWithSharp } from "./sharp.js";
import { type TurboJpeg, turboJpeg } from "./turbojpeg.js";
import { checkMemory, checkSize, cut, damaged, fitsMemory, unsupported } from "./undecodable.js";

export interface JpegOptions {
  readonly jpeg: "exact" | "fast";
  readonly maxPixels: number;
  readonly allocate: (bytes: number) => Uint8Array;
}

interface JpegAddon {
  readonly FORMAT_RGB: number;
  decompressSync(bytes: Uint8Array, options: { format: number }): { width: number; height: number; data: Uint8Array };
}

const require = createRequire(import.meta.url);
let addon: JpegAddon | undefined;

/** Throws Undecodable, in some cases only when pixels are requested. */
export async function openJpeg(bytes: Uint8Array, options: JpegOptions): Promise<Picture> {
  const { jpeg, maxPixels, allocate } = options;
  const header = jpegHeader(bytes);
  if (header) checkHeader(header, maxPixels);
  const turbo = turboJpeg();
  if (!turbo) {
    const quick = jpeg === "fast" ? decodeJpegStrictly(bytes, maxPixels) : undefined;
    return pictureOf(quick && quick !== "faulty" ? quick : await withoutTurbo(bytes, maxPixels));
  }
  const size = turbo.size(bytes) ?? turbo.size(bytes, "some");
  if (!size) throw endsEarly(bytes) ? cut() : damaged();
  const { width, height } = size;
  checkSize(width, height, maxPixels);
  return {
    width,
    height,
    shrinks: jpeg === "fast",
    pixels: (box, shrink = 1) =>
      inTurn(
        width * height,
        async () =>
          turbo.decode(bytes, box, shrink, allocate) ?? shrunk(salvaged(turbo, bytes, size, allocate), shrink),
      ),
  };
}

/**
 * The whole of a JPEG with damage that Pillow also tolerates; the library fills in what it cannot decode. Throws if it
 * cannot continue, or the data ends before the picture does.
 */
function salvaged(turbo: TurboJpeg, bytes: Uint8Array, size: Size, allocate: JpegOptions["allocate"]): Pixels {
  if (endsEarly(bytes)) throw cut();
  const pixels = turbo.decode(bytes, wholeBox(size), 1, allocate, "some");
  if (!pixels) throw damaged("what stands in its data does not belong there");
  return pixels;
}

async function withoutTurbo(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  if (endsEarly(bytes)) throw cut();
  return decodeWithSharp(bytes, { loader: "jpeg", maxPixels });
}

/** Pixels that could only be decoded whole, reduced to the requested size. */
function shrunk(pixels: Pixels, shrink: Shrink): Pixels {
  if (shrink === 1) return pixels;
  const width = Math.ceil(pixels.width / shrink);
  const height = Math.ceil(pixels.height / shrink);
  const { data } = resize(pixels, { width, height, interpolation: "bilinear" });
  return { left: 0, top: 0, width, height, data };
}

/**
 * The pixels of a JPEG whose data is without errors; "faulty" if the decoder had to guess, or could not continue;
 * undefined for what this decoder does not handle: other formats, CMYK, and more than `maxPixels`.
 */
export function decodeJpegStrictly(bytes: Uint8Array, maxPixels: number): RgbImage | "faulty" | undefined {
  const header = isJpeg(bytes) ? jpegHeader(bytes) : undefined;
  if (!header || header.components === 4 || !fitsLimits(header, maxPixels)) return undefined;
  const turbo = turboJpeg();
  if (turbo) return turbo.decode(bytes, wholeBox(header), 1, (length) => new Uint8Array(length)) ?? "faulty";
  try {
    addon ??= require("@julusian/jpeg-turbo") as JpegAddon;
    return addon.decompressSync(bytes, { format: addon.FORMAT_RGB });
  } catch {
    return "faulty";
  }
}

/** Whether there is no end marker after the first scan: there may be one before, in a thumbnail in the metadata. */
function endsEarly(bytes: Uint8Array): boolean {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return all.indexOf(endMark, endOfJpegHead(bytes)) < 0;
}

const endMark = Buffer.from([0xff, 0xd9]);

/** Whether a JPEG with this header has pixels, but not too many, nor stored in a way that takes too much memory. */
export const fitsLimits = (header: JpegHeader, maxPixels: number): boolean => {
  const pixels = header.width * header.height;
  return pixels > 0 && pixels <= maxPixels && fitsMemory(header, heldWhole(header));
};

/** Bytes per pixel kept until the last scan: coefficients of two bytes. */
const heldWhole = ({ scans, values }: JpegHeader): number => (scans ? 2 * values : 0);

function checkHeader(header: JpegHeader, maxPixels: number): void {
  const { width, height, bits, components } = header;
  if (bits !== 8) throw unsupported(`a JPEG with ${bits} bits per value`);
  if (![1, 3, 4].includes(components)) throw unsupported(`a JPEG with ${components} components`);
  checkSize(width, height, maxPixels);
  checkMemory("a progressive JPEG", header, heldWhole(header));
}
