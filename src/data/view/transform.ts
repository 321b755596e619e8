/** From a decoded image to the model's square input: evaluation as in timm, and training crops and flips. */
import type { RandomStream } from "../../random/stream.js";
import { type Augmentation, augment } from "../augment/augment.js";
import { type CropKind, type CropOptions, crops, shorterSide } from "../pixels/crop.js";
import { halfEven } from "../pixels/half-even.js";
import { type Box, type Pixels, type RgbImage, type Shrink, type Size, wholeBox } from "../pixels/image.js";
import { type Interpolation, planResize } from "../pixels/resize.js";

/** Resize and centre crop, as in timm's evaluation. */
export interface EvaluationTransform {
  /** Distinguishes it from a training transform. */
  readonly kind: "evaluation";
  /** Side of the view in pixels. */
  readonly size: number;
  /** Fraction of the shorter side that is kept (timm's crop_pct). */
  readonly cropRatio: number;
  /**
   * `squash`: the image is resized to a square regardless of its aspect ratio (timm's crop_mode), which is kept by
   * default.
   */
  readonly cropMode?: "center" | "squash";
  /** Filter that resizes the image. */
  readonly interpolation: Interpolation;
}

/** Random crop, flips and augmentation. */
export interface TrainingTransform extends CropOptions {
  /** Distinguishes it from an evaluation transform. */
  readonly kind: "training";
  /** `random`: bilinear or bicubic, drawn for each view. */
  readonly interpolation: Interpolation | "random";
  /** How a random part of the image is chosen. */
  readonly crop: CropKind;
  /** Probability of a horizontal and of a vertical flip. */
  readonly flip: number;
  /** Probability of a vertical flip (default: 0). */
  readonly verticalFlip?: number;
  /** What happens to the pixels after crop and flips. */
  readonly augmentation?: Augmentation;
}

/** From a decoded image to a model's square input. */
export type Transform = EvaluationTransform | TrainingTransform;

/** A view whose random geometric choices are made, before decoding. */
export interface ViewPlan {
  /** The view is made from the image at 1/`shrink` of its size, using these pixels of it. */
  readonly shrink: Shrink;
  readonly reads: Box;
  /** The view: `size · size · 3` bytes. May be called only once, since it draws colour changes from the stream. */
  make(pixels: Pixels): Uint8Array;
}

/**
 * Applies a transform: `size · size · 3` bytes. A training transform draws its choices from `stream`.
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { applyTransform, decodeImage } from "deit";
 *
 * const image = await decodeImage(await readFile("cat.jpg"), { name: "cat.jpg" });
 * const view = applyTransform(image, { kind: "evaluation", size: 32, cropRatio: 0.9, interpolation: "bicubic" });
 * console.log(view.length); // 32 · 32 · 3
 * ```
 */
export function applyTransform(image: RgbImage, transform: EvaluationTransform): Uint8Array;
export function applyTransform(image: RgbImage, transform: Transform, stream: RandomStream): Uint8Array;
export function applyTransform(image: RgbImage, transform: Transform, stream?: RandomStream): Uint8Array {
  const plan =
    transform.kind === "evaluation" ? evaluationView(image, transform) : trainingView(image, transform, stream!);
  return plan.make({ ...wholeBox(image), data: image.data });
}

/** Determines which part of an image a view needs. */
export function planView(
  image: Size & { readonly shrinks?: boolean },
  transform: Transform,
  stream: RandomStream,
): ViewPlan {
  return transform.kind === "evaluation" ? evaluationView(image, transform) : trainingView(image, transform, stream);
}

/** Shorter side, or both, to ⌊size / cropRatio⌋, then the centre square. Only the square is computed. */
function evaluationView(image: Size, { size, cropRatio, cropMode, interpolation }: EvaluationTransform): ViewPlan {
  const side = Math.floor(size / cropRatio);
  const { width, height } = cropMode === "squash" ? { width: side, height: side } : shorterSide(image, side);
  const region = { left: halfEven((width - size) / 2), top: halfEven((height - size) / 2), width: size, height: size };
  const { reads, run } = planResize(image, { width, height, interpolation, region });
  return { shrink: 1, reads, make: (pixels) => run(pixels).data };
}

function trainingView(
  image: Size & { readonly shrinks?: boolean },
  transform: TrainingTransform,
  stream: RandomStream,
): ViewPlan {
  const { size, flip, verticalFlip = 0, augmentation } = transform;
  const interpolation =
    transform.interpolation === "random" ? stream.choice(["bilinear", "bicubic"] as const) : transform.interpolation;
  const { shrink, reads, render } = crops[transform.crop](image, transform, stream);
  const mirrored = flip > 0 && stream.uniform() < flip;
  const upsideDown = verticalFlip > 0 && stream.uniform() < verticalFlip;
  return {
    shrink,
    reads,
    make(pixels) {
      const data = render(pixels, interpolation, { mirrored, upsideDown });
      return augmentation ? augment({ width: size, height: size, data }, augmentation, stream).data : data;
    },
  };
}
