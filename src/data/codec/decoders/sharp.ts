/** Decoding by libvips, only with the requested loader. */

import type { Metadata, Sharp } from "sharp";
import { messageOf } from "../../../errors/message-of.js";
import { inTurn } from "../../pixels/huge-pictures.js";
import type { RgbImage, Size } from "../../pixels/image.js";
import { greyOf16Bits, greyToRgb } from "./grey.js";
import { underBlack } from "./ink.js";
import { checkSize, damaged, Undecodable } from "./undecodable.js";

export interface SharpOptions {
  readonly loader: "jpeg" | "png" | "webp" | "tiff" | "heif";
  readonly maxPixels: number;
  /** Whether alpha is kept (default: dropped). */
  readonly alpha?: boolean;
  /** Which errors stop reading (default: only truncated data). */
  readonly failOn?: "truncated" | "error" | "warning";
  /**
   * Checks a file's metadata before decoding, and the bytes per pixel held for its values until they are RGB; throws
   * Undecodable.
   */
  readonly check?: (about: Metadata, values: number) => void;
}

/** Reads the first picture of a file; throws Undecodable. */
export async function decodeWithSharp(bytes: Uint8Array, options: SharpOptions): Promise<RgbImage> {
  const about = await describeWithSharp(bytes, options, (of) => heldAsBytes(of) + (options.alpha ? 5 : 0));
  const { space, channels } = about;
  if (space === "grey16" && channels === 1) {
    const { width, height, data } = await valuesWithSharp(bytes, options, "grey16", about);
    return { width, height, data: greyToRgb(greyOf16Bits(data)) };
  }
  const cmyk = space === "cmyk";
  if (options.alpha && !cmyk && about.hasAlpha) return decodeWithAlpha(bytes, options, about);
  const { data, info } = await decoding(about, async () => {
    const image = await opened(bytes, options);
    return (cmyk ? image.pipelineColourspace("cmyk").toColourspace("cmyk") : image.toColourspace("srgb").removeAlpha())
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
  });
  return { width: info.width, height: info.height, data: toRgb(data, info.channels, cmyk) };
}

async function decodeWithAlpha(bytes: Uint8Array, options: SharpOptions, about: Metadata): Promise<RgbImage> {
  const { data, info } = await decoding(about, async () =>
    (await opened(bytes, options))
      .toColourspace("srgb")
      .ensureAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true }),
  );
  const { width, height } = info;
  const rgb = new Uint8Array(3 * width * height);
  const alpha = new Uint8Array(width * height);
  for (let i = 0, from = 0, to = 0; i < alpha.length; i++) {
    for (let c = 0; c < 3; c++) rgb[to++] = data[from++];
    alpha[i] = data[from++];
  }
  return { width, height, data: rgb, alpha };
}

/** For pictures that are not decoded directly to RGB: the values, and for grey also its bytes. */
const heldAsBytes = ({ space, channels }: Metadata): number =>
  space === "cmyk" ? channels : space === "grey16" && channels === 1 ? 4 + 1 : 0;

/** Bytes of all values of a pixel in a colour space. */
export const bytesOfValues = (space: keyof typeof valueTypes, channels: number): number =>
  channels * (valueTypes[space] === "float" ? 4 : 2);

/**
 * The metadata of a file; throws Undecodable if the picture is too large. `values` returns how many bytes per pixel the
 * caller will hold.
 */
export async function describeWithSharp(
  bytes: Uint8Array,
  options: SharpOptions,
  values: (about: Metadata) => number,
): Promise<Metadata> {
  const about = await refusing(async () => (await opened(bytes, options)).metadata());
  if (about.format !== options.loader) throw damaged();
  checkSize(about.width, about.height, options.maxPixels);
  options.check?.(about, values(about));
  return about;
}

/** Number types of the values in a colour space. */
const valueTypes = { cmyk: "ushort", rgb16: "ushort", grey16: "float", "b-w": "float" } as const;

type Values<S extends keyof typeof valueTypes> = Size & {
  readonly channels: number;
  readonly data: (typeof valueTypes)[S] extends "float" ? Float32Array : Uint16Array;
};

/** The values of a picture as stored, in its own colour space; throws Undecodable. */
export async function valuesWithSharp<S extends keyof typeof valueTypes>(
  bytes: Uint8Array,
  options: SharpOptions,
  space: S,
  size: Size,
): Promise<Values<S>> {
  const { data, info } = await decoding(size, async () => {
    const image = (await opened(bytes, options)).pipelineColourspace(space).toColourspace(space);
    return image.raw({ depth: valueTypes[space] }).toBuffer({ resolveWithObject: true });
  });
  const { width, height, channels } = info;
  const numbers = valueTypes[space] === "float" ? Float32Array : Uint16Array;
  const values = new numbers(data.buffer, data.byteOffset, width * height * channels);
  return { width, height, channels, data: values as Values<S>["data"] };
}

async function opened(bytes: Uint8Array, { failOn = "truncated" }: SharpOptions): Promise<Sharp> {
  const { default: sharp } = await import("sharp");
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp(bytes, { failOn, limitInputPixels: false, ignoreIcc: true, pages: 1 });
}

const decoding = <T>({ width, height }: Size, work: () => Promise<T>): Promise<T> =>
  inTurn(width * height, () => refusing(work));

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw reason(error);
  }
}

function reason(error: unknown): Undecodable {
  const text = messageOf(error).split("\n")[0].trim();
  const early = /premature end|truncated|end of (file|stream|data)|not enough data/i.test(text);
  return new Undecodable({ kind: early ? "cut" : "damaged" }, { cause: error });
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
