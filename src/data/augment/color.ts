/** Operations between the channels of a pixel, as in Pillow. */
import type { RgbImage } from "../pixels/image.js";
import { kernels } from "../pixels/kernels/kernels.js";
import { luminance } from "../pixels/luminance.js";
import { pixelMemory } from "../pixels/pixel-memory.js";

export function meanGrey({ data }: RgbImage): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += luminance(data[i], data[i + 1], data[i + 2]);
  return sum / (data.length / 3);
}

export const grayscale = (image: RgbImage): RgbImage => color(image, 0);

/** Saturation: factor 0 is grey, 1 the image. */
export function color({ width, height, data }: RgbImage, factor: number): RgbImage {
  const work = kernels();
  const pixels = work.placeBytes(data);
  work.run.saturate(pixels, pixels + data.length, factor);
  return { width, height, data: work.result(pixels, data.length) };
}

/** Turns the hue by `turn` of the full circle, -½ … ½, through Pillow's 8-bit HSV as torchvision does. */
export function hue({ width, height, data }: RgbImage, turn: number): RgbImage {
  const out = pixelMemory(data.length);
  const shift = Math.trunc(turn * 255) & 255;
  for (let i = 0; i < data.length; i += 3) {
    const [h, s, v] = toHsv(data[i], data[i + 1], data[i + 2]);
    out.set(fromHsv((h + shift) & 255, s, v), i);
  }
  return { width, height, data: out };
}

function toHsv(r: number, g: number, b: number): readonly [h: number, s: number, v: number] {
  const most = Math.max(r, g, b);
  const range = most - Math.min(r, g, b);
  if (range === 0) return [0, 0, most];
  // In float32, whose rounding affects the truncation below.
  const [rc, gc, bc] = [most - r, most - g, most - b].map((d) => Math.fround(d / range));
  const sixths = Math.fround(r === most ? bc - gc : g === most ? 2 + rc - bc : 4 + gc - rc);
  const turn = Math.fround((sixths / 6 + 1) % 1);
  return [Math.trunc(turn * 255), Math.trunc(Math.fround(range / most) * 255), most];
}

function fromHsv(h: number, s: number, v: number): readonly [r: number, g: number, b: number] {
  if (s === 0) return [v, v, v];
  const sixths = (h * 6) / 255;
  const sector = Math.floor(sixths);
  const f = sixths - sector;
  const [p, q, t] = [1, f, 1 - f].map((part) => Math.round(v * (1 - (s / 255) * part)));
  switch (sector % 6) {
    case 0:
      return [v, t, p];
    case 1:
      return [q, v, p];
    case 2:
      return [p, v, t];
    case 3:
      return [p, q, v];
    case 4:
      return [t, p, v];
    default:
      return [v, p, q];
  }
}
