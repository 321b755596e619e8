/** Decoded images, whole and partial. */

export interface Size {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
}

/** 8-bit RGB, row by row: `data[(y · width + x) · 3 + channel]`. */
export interface RgbImage extends Size {
  /** `width · height · 3` bytes. */
  readonly data: Uint8Array;
  /** Opacity of each pixel, `width · height` bytes, where it was asked for and the image has it. */
  readonly alpha?: Uint8Array;
}

/** A part of an image in whole pixels. */
export interface Box extends Size {
  /** Column of its first pixel, counted from 0. */
  readonly left: number;
  /** Row of its first pixel, counted from 0. */
  readonly top: number;
}

/** Pixels that begin at (`left`, `top`) of an image; negative if they begin outside it. */
export interface Pixels extends Box, RgbImage {}

export const wholeBox = ({ width, height }: Size): Box => ({ left: 0, top: 0, width, height });

/** The smallest box that contains all of these. */
export function enclosing(boxes: readonly Box[]): Box {
  const left = Math.min(...boxes.map((box) => box.left));
  const top = Math.min(...boxes.map((box) => box.top));
  const right = Math.max(...boxes.map((box) => box.left + box.width));
  const bottom = Math.max(...boxes.map((box) => box.top + box.height));
  return { left, top, width: right - left, height: bottom - top };
}

/** The same pixels relative to an image that is `box` of the old one. */
export const within = (pixels: Pixels, box: Box): Pixels => ({
  ...pixels,
  left: pixels.left - box.left,
  top: pixels.top - box.top,
});

/** An image is decoded at its full size, or at a half, a quarter or an eighth of it. */
export type Shrink = 1 | 2 | 4 | 8;

/** An image of known size whose pixels are decoded on request. */
export interface Picture extends Size {
  /** Whether decoding it at a fraction of its size costs less than decoding the whole. */
  readonly shrinks: boolean;
  /** Pixels that include at least `box` of the image at 1/`shrink` of its size, which is rounded up. */
  pixels(box: Box, shrink?: Shrink): Promise<Pixels>;
}

/** A picture from decoded pixels. */
export const pictureOf = (image: RgbImage): Picture => ({
  width: image.width,
  height: image.height,
  shrinks: false,
  pixels: async () => ({ ...image, ...wholeBox(image) }),
});

export async function wholeImage(picture: Picture): Promise<RgbImage> {
  const { left: _, top: __, ...image } = await picture.pixels(wholeBox(picture));
  return image;
}
