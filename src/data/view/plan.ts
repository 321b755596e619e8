/** A view whose geometry is decided, before its image is decoded. */
import { type Box, type Pixels, type RgbImage, type Shrink, wholeBox } from "../pixels/image.js";

/** A view whose random geometric choices are made, before decoding. */
export interface ViewPlan {
  /** The view is made from the image at 1/`shrink` of its size, using these pixels of it. */
  readonly shrink: Shrink;
  readonly reads: Box;
  /** The view: `viewBytes` bytes. May be called only once, since it draws colour changes from the stream. */
  make(pixels: Pixels): Uint8Array;
}

/** The view of an image that is decoded as a whole. */
export const made = (plan: ViewPlan, image: RgbImage): Uint8Array =>
  plan.make({ ...wholeBox(image), data: image.data });
