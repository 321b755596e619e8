/** A view whose geometry is decided, before its image is decoded. */
import { type Box, type Pixels, type RgbImage, type Shrink, wholeBox } from "../pixels/image.js";

/** A view whose random geometric choices are made, before decoding, as `made` of the pixels that it reads. */
interface Plan<Made> {
  /** The view is made from the image at 1/`shrink` of its size, using these pixels of it. */
  readonly shrink: Shrink;
  readonly reads: Box;
  /** May be called only once, since it draws colour changes from the stream. */
  make(pixels: Pixels): Made;
}

/** The view of a model: `viewBytes` bytes. */
export interface ViewPlan extends Plan<Uint8Array> {}

/** The same as red, green and blue, and alpha where its pixels have that. */
export interface ImagePlan extends Plan<RgbImage> {}

/** Several pictures as one view. */
export function joined(pictures: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pictures.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const picture of pictures) {
    all.set(picture, at);
    at += picture.length;
  }
  return all;
}

/** The view of an image that is decoded as a whole. */
export const made = (plan: ViewPlan, image: RgbImage): Uint8Array => plan.make({ ...image, ...wholeBox(image) });
