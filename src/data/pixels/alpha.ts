/** Images with alpha, whose colours and opacity are moved together as Pillow does with the mode RGBA. */
import type { RgbImage } from "./image.js";
import { pixelMemory } from "./pixel-memory.js";

/**
 * An operation on pixels of three channels, for an image with alpha. Where pixels are `mixed` with their neighbours, colours
 * count by their opacity (premultiplied, in 8 bits, as Pillow's mode RGBa); where they are only `copied`, they stay as
 * they are. `move` does to the opacity what it does to the colours, unless `ofAlpha` is given for that.
 */
export function withAlpha<Image extends RgbImage>(
  image: Image,
  move: (image: Image) => RgbImage,
  how: "mixed" | "copied",
  ofAlpha = move,
): RgbImage {
  const opacity = image.alpha!;
  const opaque = opacity.every((value) => value === 255);
  const { width, height, data } = move(
    how === "mixed" && !opaque ? premultiplied(image, opacity) : { ...image, alpha: undefined },
  );
  const alpha = firstOfThree(ofAlpha({ ...image, data: threeTimes(opacity), alpha: undefined }).data);
  if (how === "mixed") divideBy(data, alpha);
  return { width, height, data, alpha };
}

function premultiplied<Image extends RgbImage>(image: Image, alpha: Uint8Array): Image {
  const { data } = image;
  const out = pixelMemory(data.length);
  for (let i = 0; i < data.length; i++) {
    const product = data[i] * alpha[Math.floor(i / 3)] + 128;
    out[i] = ((product >> 8) + product) >> 8;
  }
  return { ...image, data: out, alpha: undefined };
}

/** In place; colours of pixels that are opaque or invisible stay. */
function divideBy(data: Uint8Array, alpha: Uint8Array): void {
  for (let i = 0; i < alpha.length; i++) {
    const a = alpha[i];
    if (a === 0 || a === 255) continue;
    for (let c = 3 * i; c < 3 * i + 3; c++) data[c] = Math.min(255, Math.floor((255 * data[c]) / a));
  }
}

function threeTimes(plane: Uint8Array): Uint8Array {
  const out = pixelMemory(3 * plane.length);
  for (let i = 0; i < plane.length; i++) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = plane[i];
  return out;
}

function firstOfThree(data: Uint8Array): Uint8Array {
  const out = pixelMemory(data.length / 3);
  for (let i = 0; i < out.length; i++) out[i] = data[3 * i];
  return out;
}
