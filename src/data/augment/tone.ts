/** Operations that map each value by a table, as in Pillow's `ImageOps` and `ImageEnhance`. */
import type { RgbImage } from "../pixels/image.js";
import { kernels } from "../pixels/kernels/kernels.js";
import { meanGrey } from "./color.js";

/** A table for each channel. */
type Tables = readonly [Uint8ClampedArray, Uint8ClampedArray, Uint8ClampedArray];

function point({ width, height, data }: RgbImage, tables: Tables): RgbImage {
  const work = kernels();
  const pixels = work.placeBytes(data);
  const all = new Uint8Array(768);
  for (const [channel, table] of tables.entries()) all.set(table, 256 * channel);
  work.run.lookUp(pixels, pixels + data.length, work.placeBytes(all));
  return { width, height, data: work.result(pixels, data.length) };
}

/** The same table for all channels; values are clamped to 0 … 255. */
function mapped(image: RgbImage, value: (v: number) => number): RgbImage {
  const table = Uint8ClampedArray.from({ length: 256 }, (_, v) => Math.floor(value(v)));
  return point(image, [table, table, table]);
}

export const invert = (image: RgbImage): RgbImage => mapped(image, (v) => 255 - v);

/** Inverts values from `threshold` up. */
export const solarize = (image: RgbImage, threshold: number): RgbImage =>
  mapped(image, (v) => (v < threshold ? v : 255 - v));

/** Adds to values below 128. */
export const solarizeAdd = (image: RgbImage, amount: number): RgbImage =>
  mapped(image, (v) => (v < 128 ? Math.min(255, v + amount) : v));

/** Keeps the highest `bits` bits of each value. */
export const posterize = (image: RgbImage, bits: number): RgbImage =>
  bits >= 8 ? image : mapped(image, (v) => v & ~(2 ** (8 - bits) - 1));

/** From `from` at factor 0 to `to` at 1, and beyond; in float32, then truncated, like Pillow's `blend`. */
function blend(from: number, to: number, factor: number): number {
  const v = Math.fround(from + Math.fround(Math.fround(factor) * (to - from)));
  return v <= 0 ? 0 : v >= 255 ? 255 : Math.trunc(v);
}

/** Factor 0 is black, 1 the image. */
export const brightness = (image: RgbImage, factor: number): RgbImage => mapped(image, (v) => blend(0, v, factor));

/** Factor 0 is the mean grey, 1 the image. */
export function contrast(image: RgbImage, factor: number): RgbImage {
  const mean = Math.trunc(meanGrey(image) + 0.5);
  return mapped(image, (v) => blend(mean, v, factor));
}

/** Stretches each channel to 0 … 255. */
export function autoContrast(image: RgbImage): RgbImage {
  return byHistogram(image, (counts) => {
    const lowest = counts.findIndex((n) => n > 0);
    const highest = counts.findLastIndex((n) => n > 0);
    if (highest <= lowest) return undefined;
    const scale = 255 / (highest - lowest);
    return (v) => Math.trunc(v * scale - lowest * scale);
  });
}

/** Makes the values of each channel equally frequent. */
export function equalize(image: RgbImage): RgbImage {
  return byHistogram(image, (counts) => {
    const present = counts.filter((n) => n > 0);
    const total = present.reduce((a, b) => a + b, 0);
    const step = Math.floor((total - present[present.length - 1]) / 255);
    if (present.length <= 1 || step === 0) return undefined;
    const below = new Float64Array(256);
    for (let v = 1; v < 256; v++) below[v] = below[v - 1] + counts[v - 1];
    return (v) => Math.floor(((step >> 1) + below[v]) / step);
  });
}

/** A table per channel from the channel's counts; `undefined` leaves the channel unchanged. */
function byHistogram(image: RgbImage, tableOf: (counts: Uint32Array) => ((v: number) => number) | undefined): RgbImage {
  const counts = [0, 1, 2].map(() => new Uint32Array(256));
  const [reds, greens, blues] = counts;
  const { data } = image;
  for (let i = 0; i < data.length; i += 3) {
    reds[data[i]]++;
    greens[data[i + 1]]++;
    blues[data[i + 2]]++;
  }
  const [red, green, blue] = counts.map((channel) => {
    const value = tableOf(channel) ?? ((v: number) => v);
    return Uint8ClampedArray.from({ length: 256 }, (_, v) => value(v));
  });
  return point(image, [red, green, blue]);
}
