/** Grayscale as Pillow converts to it: ITU-R 601, in its fixed point. */
import type { RgbImage } from "./image.js";
import { pixelMemory } from "./pixel-memory.js";

/** Luminance of a pixel, rounded to a byte. */
export const luminance = (r: number, g: number, b: number): number => (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;

/** The pixels in grayscale, red, green and blue of each the same. */
export function inGrayscale<Image extends RgbImage>(image: Image): Image {
  const { data } = image;
  const out = pixelMemory(data.length);
  for (let i = 0; i < data.length; i += 3)
    out[i] = out[i + 1] = out[i + 2] = luminance(data[i], data[i + 1], data[i + 2]);
  return { ...image, data: out };
}
