/** Training crops and flips: where a view of an image comes from, without the augmentation of its pixels. */
import type { Channels } from "../../geometry/channels.js";
import type { RandomStream } from "../../random/stream.js";
import { type CropKind, type CropOptions, crops } from "../pixels/crop.js";
import type { Size } from "../pixels/image.js";
import type { Interpolation } from "../pixels/resize.js";
import type { ImagePlan } from "./plan.js";

/** Random crop and flips. */
export interface TrainingCrop extends CropOptions {
  /** `random`: bilinear or bicubic, drawn for each view. */
  readonly interpolation: Interpolation | "random";
  /** How a random part of the image is chosen. */
  readonly crop: CropKind;
  /** Channels of the view: 1 (grayscale), 3 (RGB) or 4 (RGBA); default: 3. */
  readonly channels?: Channels;
  /** Probability of a horizontal and of a vertical flip. */
  readonly flip: number;
  /** Probability of a vertical flip (default: 0). */
  readonly verticalFlip?: number;
}

/** Draws crop and flips. */
export function trainingView(
  image: Size & { readonly shrinks?: boolean },
  transform: TrainingCrop,
  stream: RandomStream,
): ImagePlan {
  const { flip, verticalFlip = 0 } = transform;
  const interpolation =
    transform.interpolation === "random" ? stream.choice(["bilinear", "bicubic"] as const) : transform.interpolation;
  const { shrink, reads, render } = crops[transform.crop](image, transform, stream);
  const mirrored = flip > 0 && stream.uniform() < flip;
  const upsideDown = verticalFlip > 0 && stream.uniform() < verticalFlip;
  return { shrink, reads, make: (pixels) => render(pixels, interpolation, { mirrored, upsideDown }) };
}
