/** Operations on a pixel's neighbourhood, as in Pillow: sharpness and Gaussian blur. */
import type { RgbImage } from "../pixels/image.js";
import { kernels } from "../pixels/kernels/kernels.js";
import { copyOfPixels, pixelMemory } from "../pixels/pixel-memory.js";

/** Factor 0 is the smoothed image, 1 the image. The border keeps its values. */
export function sharpness(image: RgbImage, factor: number): RgbImage {
  const { width, height, data } = image;
  if (width < 3 || height < 3) return image;
  const work = kernels();
  const source = work.placeBytes(data);
  const target = work.placeBytes(data);
  const stride = width * 3;
  const inner = stride + 3;
  work.run.sharpen(source + inner, source + data.length - inner, stride, target + inner, factor);
  const out = work.result(target, data.length);
  for (let y = 1; y < height; y++) {
    const seam = y * stride - 3;
    out.set(data.subarray(seam, seam + 6), seam);
  }
  out.set(data.subarray(-stride), data.length - stride);
  return { width, height, data: out };
}

/** Passes of the box blur that approximate a Gaussian. */
const passes = 3;

/** Gaussian blur with a standard deviation in pixels, as three box blurs (Gwosdek et al. 2011), like Pillow. */
export function gaussianBlur(image: RgbImage, deviation: number): RgbImage {
  if (deviation <= 0) return image;
  const { width, height } = image;
  const radius = boxRadius(deviation);
  let [data, other]: [Uint8Array, Uint8Array] = [copyOfPixels(image.data), pixelMemory(image.data.length)];
  const line = new Uint8Array(Math.max(width, height));
  for (const axis of ["rows", "columns"] as const) {
    const [lines, length] = axis === "rows" ? [height, width] : [width, height];
    const [along, across] = axis === "rows" ? [3, width * 3] : [width * 3, 3];
    for (let pass = 0; pass < passes; pass++) {
      for (let n = 0; n < lines; n++)
        for (let channel = 0; channel < 3; channel++)
          boxBlur(data, other, line, { start: n * across + channel, step: along, length, radius });
      [data, other] = [other, data];
    }
  }
  return { width, height, data };
}

/** In float32 as in Pillow: ties of the fixed-point rounding depend on the last bit, and six passes accumulate them. */
function boxRadius(deviation: number): number {
  const f = Math.fround;
  const variance = f(f(f(deviation) * f(deviation)) / passes);
  const whole = Math.floor((f(Math.sqrt(12 * variance + 1)) - 1) / 2);
  const above = f(f(2 * whole + 1) * f(f(whole * (whole + 1)) - f(3 * variance)));
  const below = f(6 * f(variance - f((whole + 1) ** 2)));
  return f(whole + f(above / below));
}

interface Line {
  readonly start: number;
  readonly step: number;
  readonly length: number;
  /** Fractional: the outermost pixels count partially. */
  readonly radius: number;
}

/** One line, in 24-bit fixed point; beyond its ends the line is extended with its end values. */
function boxBlur(data: Uint8Array, out: Uint8Array, line: Uint8Array, { start, step, length, radius }: Line): void {
  const whole = Math.trunc(radius);
  const weight = Math.trunc(Math.fround(2 ** 24 / Math.fround(radius * 2 + 1)));
  const edgeWeight = Math.trunc((2 ** 24 - (whole * 2 + 1) * weight) / 2);
  const last = length - 1;
  for (let i = 0, p = start; i < length; i++, p += step) line[i] = data[p];
  let sum = line[0] * (whole + 1);
  for (let i = 0; i < whole; i++) sum += line[Math.min(i, last)];
  for (let i = 0, p = start; i < length; i++, p += step) {
    const left = i - whole - 1;
    const right = i + whole;
    const before = line[Math.max(left, 0)];
    sum += line[Math.min(right, last)] - before;
    const bulk = sum * weight + (before + line[Math.min(right + 1, last)]) * edgeWeight;
    out[p] = Math.floor((bulk + 2 ** 23) / 2 ** 24);
  }
}
