/** What libvips decodes. Only the loader that is asked for may do it. */
import type { RgbImage } from "../image.js";
import { greyOf16Bits, greyToRgb } from "./grey.js";
import { underBlack } from "./ink.js";
import { checkSize, cut, damaged, Undecodable } from "./undecodable.js";

export interface SharpOptions {
  readonly loader: "jpeg" | "png" | "webp" | "tiff" | "heif";
  readonly maxPixels: number;
  /** What ends the reading; the data's early end alone unless told. */
  readonly failOn?: "truncated" | "error";
}

/** Reads the first picture of a file; throws Undecodable. */
export async function decodeWithSharp(bytes: Uint8Array, options: SharpOptions): Promise<RgbImage> {
  const { loader, maxPixels, failOn = "truncated" } = options;
  const { default: sharp } = await import("sharp");
  sharp.cache(false);
  sharp.concurrency(1);
  try {
    const image = sharp(bytes, { failOn, limitInputPixels: false, ignoreIcc: true, pages: 1 });
    const { width, height, space, channels, format } = await image.metadata();
    if (format !== loader) throw damaged();
    checkSize(width, height, maxPixels);
    if (space === "grey16" && channels === 1) {
      const { data } = await image
        .toColourspace("grey16")
        .raw({ depth: "ushort" })
        .toBuffer({ resolveWithObject: true });
      const values = new Uint16Array(data.buffer, data.byteOffset, width * height);
      return { width, height, data: greyToRgb(greyOf16Bits(values)) };
    }
    const cmyk = space === "cmyk";
    const { data, info } = await (cmyk
      ? image.pipelineColourspace("cmyk").toColourspace("cmyk")
      : image.toColourspace("srgb").removeAlpha()
    )
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: toRgb(data, info.channels, cmyk) };
  } catch (error) {
    throw error instanceof Undecodable ? error : reason(error);
  }
}

function reason(error: unknown): Undecodable {
  const text = (error instanceof Error ? error.message : String(error)).split("\n")[0].trim();
  if (/premature end|truncated|end of (file|stream|data)|not enough data/i.test(text)) return cut();
  return damaged();
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
