/** Affine maps of images by Pillow's resampling: a point outside takes the fill colour, a neighbour outside the edge's. */
import type { RgbImage } from "../image.js";

export type AffineInterpolation = "bilinear" | "bicubic";

export interface AffineOptions {
  readonly interpolation: AffineInterpolation;
  /** Colour of what lies outside the image. */
  readonly fill: readonly [number, number, number];
}

/** From a point of the result to one of the image: x' = a·x + b·y + c, y' = d·x + e·y + f. */
export type AffineMatrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

export const shearX = (image: RgbImage, factor: number, options: AffineOptions): RgbImage =>
  affine(image, [1, factor, 0, 0, 1, 0], options);

export const shearY = (image: RgbImage, factor: number, options: AffineOptions): RgbImage =>
  affine(image, [1, 0, 0, factor, 1, 0], options);

export const translateX = (image: RgbImage, pixels: number, options: AffineOptions): RgbImage =>
  affine(image, [1, 0, pixels, 0, 1, 0], options);

export const translateY = (image: RgbImage, pixels: number, options: AffineOptions): RgbImage =>
  affine(image, [1, 0, 0, 0, 1, pixels], options);

/** Counter-clockwise about the centre. */
export function rotate(image: RgbImage, degrees: number, options: AffineOptions): RgbImage {
  if (degrees % 360 === 0) return image;
  const angle = (-degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [cx, cy] = [image.width / 2, image.height / 2];
  return affine(image, [cos, sin, cx - cos * cx - sin * cy, -sin, cos, cy + sin * cx - cos * cy], options);
}

/** The image under a map; the result has its size. */
export function affine(image: RgbImage, matrix: AffineMatrix, { interpolation, fill }: AffineOptions): RgbImage {
  const { width, height } = image;
  const out = new Uint8ClampedArray(width * height * 3);
  for (let i = 0; i < out.length; i += 3) {
    out[i] = fill[0];
    out[i + 1] = fill[1];
    out[i + 2] = fill[2];
  }
  const weigh = interpolation === "bicubic" ? cubic : triangle;
  const [a, b, c, d, e, f] = matrix;
  // Shears and shifts move pixels along one axis, where a line of four taps is all there is.
  if (d === 0 && e === 1 && f === 0 && a === 1) alongRows(image, out, (y) => b * (y + 0.5) + c, weigh);
  else if (a === 1 && b === 0 && c === 0 && e === 1) alongColumns(image, out, (x) => d * (x + 0.5) + f, weigh);
  else anywhere(image, out, matrix, weigh);
  return { width, height, data: new Uint8Array(out.buffer) };
}

/** Writes the four weights of the pixels at -1, 0, 1 and 2 for a point at fraction `d` between 0 and 1. */
type Weigh = (d: number, weights: Float64Array) => void;

/** Pillow's cubic for maps (a = -1), other than that of its resizing. */
function cubic(d: number, w: Float64Array): void {
  const d2 = d * d;
  const d3 = d2 * d;
  w[0] = -d + 2 * d2 - d3;
  w[1] = 1 - 2 * d2 + d3;
  w[2] = d + d2 - d3;
  w[3] = d3 - d2;
}

function triangle(d: number, w: Float64Array): void {
  w[0] = 0;
  w[1] = 1 - d;
  w[2] = d;
  w[3] = 0;
}

const clamp = (v: number, most: number) => (v < 0 ? 0 : Math.min(v, most));

/** Truncation, as Pillow's; rounding errors of weights that add up to a whole number must not cost a level. */
const epsilon = 1e-9;

/** x' = x + shift(y), y' = y. */
function alongRows(image: RgbImage, out: Uint8ClampedArray, shift: (y: number) => number, weigh: Weigh): void {
  const { width, height, data } = image;
  const w = new Float64Array(4);
  for (let y = 0; y < height; y++) {
    const moved = shift(y);
    const base = Math.floor(moved);
    weigh(moved - base, w);
    const [w0, w1, w2, w3] = w;
    const row = y * width * 3;
    // A point lies inside while 0 ≤ x + ½ + moved < width.
    const from = Math.max(0, Math.ceil(-0.5 - moved));
    const to = Math.min(width, Math.ceil(width - 0.5 - moved));
    for (let x = from; x < to; x++) {
      const at = x + base;
      const p0 = row + clamp(at - 1, width - 1) * 3;
      const p1 = row + clamp(at, width - 1) * 3;
      const p2 = row + clamp(at + 1, width - 1) * 3;
      const p3 = row + clamp(at + 2, width - 1) * 3;
      const o = row + x * 3;
      for (let k = 0; k < 3; k++)
        out[o + k] = Math.floor(
          w0 * data[p0 + k] + w1 * data[p1 + k] + w2 * data[p2 + k] + w3 * data[p3 + k] + epsilon,
        );
    }
  }
}

/** x' = x, y' = y + shift(x). */
function alongColumns(image: RgbImage, out: Uint8ClampedArray, shift: (x: number) => number, weigh: Weigh): void {
  const { width, height, data } = image;
  const stride = width * 3;
  const moved = Float64Array.from({ length: width }, (_, x) => shift(x));
  const base = Int32Array.from(moved, Math.floor);
  const weights = new Float64Array(4 * width);
  for (let x = 0; x < width; x++) weigh(moved[x] - base[x], weights.subarray(4 * x, 4 * x + 4));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const point = y + 0.5 + moved[x];
      if (point < 0 || point >= height) continue;
      const at = y + base[x];
      const column = x * 3;
      const p0 = clamp(at - 1, height - 1) * stride + column;
      const p1 = clamp(at, height - 1) * stride + column;
      const p2 = clamp(at + 1, height - 1) * stride + column;
      const p3 = clamp(at + 2, height - 1) * stride + column;
      const [w0, w1, w2, w3] = [weights[4 * x], weights[4 * x + 1], weights[4 * x + 2], weights[4 * x + 3]];
      const o = y * stride + column;
      for (let k = 0; k < 3; k++)
        out[o + k] = Math.floor(
          w0 * data[p0 + k] + w1 * data[p1 + k] + w2 * data[p2 + k] + w3 * data[p3 + k] + epsilon,
        );
    }
  }
}

function anywhere(image: RgbImage, out: Uint8ClampedArray, [a, b, c, d, e, f]: AffineMatrix, weigh: Weigh): void {
  const { width, height, data } = image;
  const stride = width * 3;
  const across = new Float64Array(4);
  const down = new Float64Array(4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const px = a * (x + 0.5) + b * (y + 0.5) + c;
      const py = d * (x + 0.5) + e * (y + 0.5) + f;
      if (px < 0 || px >= width || py < 0 || py >= height) continue;
      const left = Math.floor(px - 0.5);
      const top = Math.floor(py - 0.5);
      weigh(px - 0.5 - left, across);
      weigh(py - 0.5 - top, down);
      const [u0, u1, u2, u3] = across;
      const p0 = clamp(left - 1, width - 1) * 3;
      const p1 = clamp(left, width - 1) * 3;
      const p2 = clamp(left + 1, width - 1) * 3;
      const p3 = clamp(left + 2, width - 1) * 3;
      let red = epsilon;
      let green = epsilon;
      let blue = epsilon;
      for (let j = 0; j < 4; j++) {
        const v = down[j];
        if (v === 0) continue;
        const row = clamp(top - 1 + j, height - 1) * stride;
        const [r0, r1, r2, r3] = [row + p0, row + p1, row + p2, row + p3];
        red += v * (u0 * data[r0] + u1 * data[r1] + u2 * data[r2] + u3 * data[r3]);
        green += v * (u0 * data[r0 + 1] + u1 * data[r1 + 1] + u2 * data[r2 + 1] + u3 * data[r3 + 1]);
        blue += v * (u0 * data[r0 + 2] + u1 * data[r1 + 2] + u2 * data[r2 + 2] + u3 * data[r3 + 2]);
      }
      const o = y * stride + x * 3;
      out[o] = Math.floor(red);
      out[o + 1] = Math.floor(green);
      out[o + 2] = Math.floor(blue);
    }
  }
}
