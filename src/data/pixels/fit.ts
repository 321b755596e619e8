/** How an image whose shape is not that of the model's input fills it: geometry without pixels. */
import type { ImageSize } from "../../geometry/image-size.js";
import { halfEven } from "./half-even.js";
import type { Box, RgbImage, Size } from "./image.js";

/** Names of the ways; the first three as in timm's crop_mode. */
export const cropModes = ["center", "squash", "border", "native"] as const satisfies readonly CropMode[];

/**
 * `center`: the image keeps its shape and what is outside the input is cut off; `squash`: it is resized to the input's shape;
 * `border`: it keeps its shape, and a border of one colour fills the rest (letterbox); `native`: the input has nearly the shape of
 * the image, and as many patches as a square one.
 */
export type CropMode = "center" | "squash" | "border" | "native";

/** Red, green and blue in bytes. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** The way, and the colour of a border (default: black). */
export interface Fit {
  /** How the image fills the input (default: `center`). */
  readonly cropMode?: CropMode;
  /** Colour of the border of the mode `border`. */
  readonly borderColor?: Rgb;
  /** Of the mode `native`: sizes of views; that of an image is the one whose aspect ratio is nearest to its own. */
  readonly nativeSizes?: readonly ImageSize[];
}

/** A part of a resized or whole image, and where it lies in the view; the rest of the view is border. */
export interface Placed {
  readonly part: Box;
  readonly target: Box;
}

/** The size of the image such that it just fits into `within`, rounded as in timm's ResizeKeepRatio. */
export function fitted(image: Size, within: Size): Size {
  const ratio = Math.max(image.width / within.width, image.height / within.height);
  return {
    width: Math.max(1, halfEven(image.width / ratio)),
    height: Math.max(1, halfEven(image.height / ratio)),
  };
}

/** The view: `pixels`, of the size of its target, on a border, which is opaque. */
export function bordered(pixels: RgbImage, target: Box, view: Size, color: Rgb = [0, 0, 0]): RgbImage {
  if (pixels.width === view.width && pixels.height === view.height) return pixels;
  const data = new Uint8Array(view.width * view.height * 3);
  for (let i = 0; i < data.length; i += 3) data.set(color, i);
  const row = pixels.width * 3;
  for (let y = 0; y < pixels.height; y++)
    data.set(pixels.data.subarray(y * row, (y + 1) * row), ((target.top + y) * view.width + target.left) * 3);
  const { alpha } = pixels;
  if (!alpha) return { ...view, data };
  const opaque = new Uint8Array(view.width * view.height).fill(255);
  for (let y = 0; y < pixels.height; y++)
    opaque.set(alpha.subarray(y * pixels.width, (y + 1) * pixels.width), (target.top + y) * view.width + target.left);
  return { ...view, data, alpha: opaque };
}

/** A box of a view that is flipped. */
export const flippedBox = (box: Box, view: Size, mirrored: boolean, upsideDown: boolean): Box => ({
  ...box,
  left: mirrored ? view.width - box.left - box.width : box.left,
  top: upsideDown ? view.height - box.top - box.height : box.top,
});
