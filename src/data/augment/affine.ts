/**
 * Affine maps of images with Pillow's resampling: a point outside gets the fill colour, a neighbour outside the edge's.
 */
import { withAlpha } from "../pixels/alpha.js";
import type { RgbImage } from "../pixels/image.js";
import { kernels } from "../pixels/kernels/kernels.js";

/** Interpolation between pixels in a rotation, shear or shift. */
export type AffineInterpolation = "bilinear" | "bicubic";

export interface AffineOptions {
  readonly interpolation: AffineInterpolation;
  /** Colour outside the image. */
  readonly fill: readonly [number, number, number];
}

/** Maps a point of the result to one of the image: x' = a·x + b·y + c, y' = d·x + e·y + f. */
export type AffineMatrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

export const shearX = (image: RgbImage, factor: number, options: AffineOptions): RgbImage =>
  affine(image, [1, factor, 0, 0, 1, 0], options);

export const shearY = (image: RgbImage, factor: number, options: AffineOptions): RgbImage =>
  affine(image, [1, 0, 0, factor, 1, 0], options);

export const translateX = (image: RgbImage, pixels: number, options: AffineOptions): RgbImage =>
  affine(image, [1, 0, pixels, 0, 1, 0], options);

export const translateY = (image: RgbImage, pixels: number, options: AffineOptions): RgbImage =>
  affine(image, [1, 0, 0, 0, 1, pixels], options);

/** Rotates counter-clockwise about the centre. */
export function rotate(image: RgbImage, degrees: number, options: AffineOptions): RgbImage {
  if (degrees % 360 === 0) return image;
  const angle = (-degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [cx, cy] = [image.width / 2, image.height / 2];
  return affine(image, [cos, sin, cx - cos * cx - sin * cy, -sin, cos, cy + sin * cx - cos * cy], options);
}

/** The image under a map; the result has the same size. What comes in from outside is opaque. */
function affine(image: RgbImage, matrix: AffineMatrix, options: AffineOptions): RgbImage {
  if (image.alpha) {
    const moved = (fill: AffineOptions["fill"]) => (one: RgbImage) => affine(one, matrix, { ...options, fill });
    return withAlpha(image, moved(options.fill), "mixed", moved([255, 255, 255]));
  }
  const [a, b, c, d, e, f] = matrix;
  // Shears and shifts move pixels along one axis, where four taps in a line suffice.
  if (d === 0 && e === 1 && f === 0 && a === 1) return alongRows(image, (y) => b * (y + 0.5) + c, options);
  if (a === 1 && b === 0 && c === 0 && e === 1) return alongColumns(image, (x) => d * (x + 0.5) + f, options);
  return anywhere(image, matrix, options);
}

/** A neighbour of a point inside is at most this far outside. */
const border = 2;

/** The image in the kernels' memory with a border that repeats its edge, and the result, filled. */
function canvas({ width, height, data }: RgbImage, fill: AffineOptions["fill"]) {
  const work = kernels();
  const rowBytes = (width + 2 * border) * 3;
  const bordered = work.reserve(rowBytes * (height + 2 * border));
  const target = work.reserve(width * height * 3);
  const memory = work.bytes();
  for (let y = -border; y < height + border; y++) {
    const from = clamp(y, height - 1) * width * 3;
    const row = bordered + (y + border) * rowBytes;
    memory.set(data.subarray(from, from + width * 3), row + border * 3);
    for (let k = 0; k < border * 3; k++) {
      memory[row + k] = data[from + (k % 3)];
      memory[row + rowBytes - 1 - k] = data[from + width * 3 - 1 - (k % 3)];
    }
  }
  for (let k = 0; k < width * 3; k++) memory[target + k] = fill[k % 3];
  for (let y = 1; y < height; y++) memory.copyWithin(target + y * width * 3, target, target + width * 3);
  const result = (): RgbImage => ({ width, height, data: work.result(target, width * height * 3) });
  return { work, origin: bordered + border * (rowBytes + 3), rowBytes, target, result };
}

/** The weights of the four pixels at -1, 0, 1 and 2 for a point at fraction `d` between 0 and 1. */
const weights: Readonly<Record<AffineInterpolation, (d: number) => readonly [number, number, number, number]>> = {
  /** Pillow's cubic for maps (a = -1), which differs from that of its resizing. */
  bicubic: (d) => {
    const d2 = d * d;
    const d3 = d2 * d;
    return [-d + 2 * d2 - d3, 1 - 2 * d2 + d3, d + d2 - d3, d3 - d2];
  },
  bilinear: (d) => [0, 1 - d, d, 0],
};

const clamp = (v: number, most: number) => (v < 0 ? 0 : Math.min(v, most));

/** Steps in bytes from one line to the next and along a line, in the image and in the result. */
interface Steps {
  readonly line: readonly [image: number, result: number];
  readonly along: readonly [image: number, result: number];
}

/** x' = x + shift(y), y' = y. */
function alongRows(image: RgbImage, shift: (y: number) => number, options: AffineOptions): RgbImage {
  const { width, height } = image;
  const c = canvas(image, options.fill);
  // A point is inside while 0 ≤ x + ½ + moved < width.
  const inside = (moved: number) => [Math.ceil(-0.5 - moved), Math.ceil(width - 0.5 - moved)] as const;
  const steps: Steps = { line: [c.rowBytes, width * 3], along: [3, 3] };
  return shiftedLines(c, steps, { lines: height, length: width, shift, inside }, options);
}

/** x' = x, y' = y + shift(x). */
function alongColumns(image: RgbImage, shift: (x: number) => number, options: AffineOptions): RgbImage {
  const { width, height } = image;
  const c = canvas(image, options.fill);
  const inside = (moved: number) => {
    let [from, to] = [Math.ceil(-0.5 - moved), Math.ceil(height - 0.5 - moved)];
    while (from + 0.5 + moved < 0) from++;
    while (to - 0.5 + moved >= height) to--;
    return [from, to] as const;
  };
  const steps: Steps = { line: [3, 3], along: [c.rowBytes, width * 3] };
  return shiftedLines(c, steps, { lines: width, length: height, shift, inside }, options);
}

interface Lines {
  readonly lines: number;
  readonly length: number;
  readonly shift: (line: number) => number;
  /** Start and end of the positions on a line whose points are inside, before clipping to the line's bounds. */
  readonly inside: (moved: number) => readonly [from: number, to: number];
}

function shiftedLines(
  { work, origin, target, result }: ReturnType<typeof canvas>,
  { line, along }: Steps,
  { lines, length, shift, inside }: Lines,
  { interpolation }: AffineOptions,
): RgbImage {
  const places = new Int32Array(lines * 3);
  const factors = new Float64Array(lines * 4);
  for (let i = 0; i < lines; i++) {
    const moved = shift(i);
    const base = Math.floor(moved);
    const [first, end] = inside(moved);
    const from = Math.max(0, first);
    const count = Math.max(0, Math.min(length, end) - from);
    places[3 * i] = origin + i * line[0] + (from + base - 1) * along[0];
    places[3 * i + 1] = target + i * line[1] + from * along[1];
    places[3 * i + 2] = count * along[1];
    factors.set(weights[interpolation](moved - base), 4 * i);
  }
  const at = work.place(places);
  work.run.shiftLines(at, at + places.byteLength, work.place(factors), along[0], along[1], along[0]);
  return result();
}

function anywhere(image: RgbImage, matrix: AffineMatrix, { interpolation, fill }: AffineOptions): RgbImage {
  const { work, origin, rowBytes, target, result } = canvas(image, fill);
  const map = interpolation === "bicubic" ? work.run.mapBicubic : work.run.mapBilinear;
  map(origin, rowBytes, image.width, image.height, target, ...matrix);
  return result();
}
