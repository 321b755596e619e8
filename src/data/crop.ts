/** Random crops of training, as torchvision and the released program draw them. */
import type { RandomStream } from "../random/stream.js";
import type { RgbImage } from "./image.js";
import { type Interpolation, resize } from "./resize.js";

/**
 * `resized`: a random part of the image; `padded`: a random shift by up to 4 pixels, for images of 32 or fewer;
 * `simple`: the shorter side to the size, then a random square of the image reflected by 4 pixels (DeiT III).
 */
export type CropKind = "resized" | "padded" | "simple";

export interface CropOptions {
  readonly size: number;
  /** Range of the part's area. */
  readonly scale: readonly [number, number];
  /** Range of its width over height. */
  readonly ratio: readonly [number, number];
}

type Crop = (image: RgbImage, options: CropOptions, interpolation: Interpolation, stream: RandomStream) => Uint8Array;

/** Each kind of crop: `size · size · 3` bytes. */
export const crops: Readonly<Record<CropKind, Crop>> = {
  resized: (image, options, interpolation, stream) => {
    const { size } = options;
    return resize(cut(image, randomBox(image, options, stream)), { width: size, height: size, interpolation }).data;
  },
  padded: (image, { size }, interpolation, stream) =>
    shiftedCrop(resize(image, { width: size, height: size, interpolation }), size, "black", stream),
  simple: (image, { size }, interpolation, stream) =>
    shiftedCrop(resize(image, { ...shorterSide(image, size), interpolation }), size, "reflect", stream),
};

type Box = readonly [left: number, top: number, width: number, height: number];

/** The box of a random resized crop, as torchvision draws it: ten tries, then the largest centre box of legal ratio. */
export function randomBox(
  { width, height }: Pick<RgbImage, "width" | "height">,
  { scale, ratio }: Pick<CropOptions, "scale" | "ratio">,
  stream: RandomStream,
): Box {
  const logRatio = ratio.map(Math.log);
  for (let i = 0; i < 10; i++) {
    const area = width * height * stream.uniform(scale[0], scale[1]);
    const aspect = Math.exp(stream.uniform(logRatio[0], logRatio[1]));
    const w = halfEven(Math.sqrt(area * aspect));
    const h = halfEven(Math.sqrt(area / aspect));
    if (w > 0 && h > 0 && w <= width && h <= height)
      return [stream.integer(width - w + 1), stream.integer(height - h + 1), w, h];
  }
  const current = width / height;
  const w = current > ratio[1] ? halfEven(height * ratio[1]) : width;
  const h = current < ratio[0] ? halfEven(width / ratio[0]) : height;
  return [(width - w) >> 1, (height - h) >> 1, w, h];
}

/** A part of the image with memory of its own: resampling must not see past its border. */
function cut(image: RgbImage, [left, top, width, height]: Box): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}

const padding = 4;

/** A random square of the image padded by 4 pixels on each side. */
function shiftedCrop(image: RgbImage, size: number, beyond: "black" | "reflect", stream: RandomStream): Uint8Array {
  const { width, height, data } = image;
  const left = stream.integer(width - size + 2 * padding + 1) - padding;
  const top = stream.integer(height - size + 2 * padding + 1) - padding;
  const out = new Uint8Array(size * size * 3);
  const columns = Int32Array.from({ length: size }, (_, x) => inside(left + x, width, beyond));
  for (let y = 0; y < size; y++) {
    const row = inside(top + y, height, beyond);
    if (row < 0) continue;
    for (let x = 0; x < size; x++) {
      if (columns[x] < 0) continue;
      const from = (row * width + columns[x]) * 3;
      const to = (y * size + x) * 3;
      out[to] = data[from];
      out[to + 1] = data[from + 1];
      out[to + 2] = data[from + 2];
    }
  }
  return out;
}

/** The pixel that stands at `i` of an axis of `length`; -1 for black. A reflection does not repeat the edge. */
function inside(i: number, length: number, beyond: "black" | "reflect"): number {
  if (i >= 0 && i < length) return i;
  if (beyond === "black") return -1;
  const period = Math.max(1, 2 * (length - 1));
  const at = ((i % period) + period) % period;
  return at < length ? at : period - at;
}

/** The image's size with its shorter side at `short`, as torchvision rounds it. */
export function shorterSide({ width, height }: RgbImage, short: number): { width: number; height: number } {
  return width <= height
    ? { width: short, height: Math.trunc((short * height) / width) }
    : { width: Math.trunc((short * width) / height), height: short };
}

/** Rounds halves to even, as Python does. */
export function halfEven(x: number): number {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}
