/** Decoded images, whole and in part. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** 8-bit RGB, row by row: `data[(y · width + x) · 3 + channel]`. */
export interface RgbImage extends Size {
  readonly data: Uint8Array;
}

/** A part of an image in whole pixels. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** Pixels that begin at (`left`, `top`) of an image; negative where they begin outside it. */
export interface Pixels extends Box, RgbImage {}

export const wholeBox = ({ width, height }: Size): Box => ({ left: 0, top: 0, width, height });

/** The same pixels seen from an image that is `box` of the old one. */
export const within = (pixels: Pixels, box: Box): Pixels => ({
  width: pixels.width,
  height: pixels.height,
  data: pixels.data,
  left: pixels.left - box.left,
  top: pixels.top - box.top,
});
