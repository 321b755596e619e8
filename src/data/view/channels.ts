/**
 * Views of other channels than RGB. Pixels are red, green and blue until a view is finished, equal ones of grayscale:
 * whatever changes each channel by itself then does the same as Pillow's operation on an image of mode L. Alpha goes along.
 */
import type { Channels } from "../../geometry/channels.js";
import type { Fit, Rgb } from "../pixels/fit.js";
import type { Pixels, RgbImage, Size } from "../pixels/image.js";
import { inGrayscale, luminance } from "../pixels/luminance.js";
import type { ImagePlan, ViewPlan } from "./plan.js";

/** The pixels that a view of so many channels begins with; those without alpha are opaque. */
export function seenIn(channels: Channels, pixels: Pixels): Pixels {
  if (channels !== 4) {
    const opaque = pixels.alpha ? { ...pixels, alpha: undefined } : pixels;
    return channels === 1 ? inGrayscale(opaque) : opaque;
  }
  return pixels.alpha ? pixels : { ...pixels, alpha: new Uint8Array(pixels.width * pixels.height).fill(255) };
}

/** A colour as such a view has it. */
export function colorIn(channels: Channels, color: Rgb): Rgb {
  if (channels !== 1) return color;
  const grey = luminance(...color);
  return [grey, grey, grey];
}

/** The colour of a transform's borders, if it says one. */
export const bordersIn = (channels: Channels, { borderColor }: Pick<Fit, "borderColor">): Pick<Fit, "borderColor"> =>
  borderColor ? { borderColor: colorIn(channels, borderColor) } : {};

/** The finished view: `channels` bytes of each pixel. */
export function packed(channels: Channels, { width, height, data, alpha }: RgbImage): Uint8Array {
  if (channels === 3) return data;
  const pixels = width * height;
  const out = new Uint8Array(channels * pixels);
  for (let i = 0; i < pixels; i++)
    if (channels === 1) out[i] = data[3 * i];
    else {
      out.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
      out[4 * i + 3] = alpha ? alpha[i] : 255;
    }
  return out;
}

/** The same plan for a view of so many channels. */
export const inChannels = (channels: Channels, plan: ImagePlan): ViewPlan => ({
  ...plan,
  make: (pixels) => packed(channels, plan.make(seenIn(channels, pixels))),
});

/** A finished view as an image. */
export function unpacked(channels: Channels, { width, height }: Size, view: Uint8Array): RgbImage {
  if (channels === 3) return { width, height, data: view };
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < data.length; i++) data[i] = view[channels === 1 ? Math.floor(i / 3) : i + Math.floor(i / 3)];
  return channels === 1
    ? { width, height, data }
    : { width, height, data, alpha: Uint8Array.from({ length: width * height }, (_, i) => view[4 * i + 3]) };
}
