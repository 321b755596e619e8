/** From a decoded image to the model's square input: evaluation as in timm, and training crops and flips. */
import type { RandomStream } from "../../random/stream.js";
import { type Augmentation, augment } from "../augment/augment.js";
import { type CropKind, type CropOptions, crops } from "../pixels/crop.js";
import { type RgbImage, type Size, wholeBox } from "../pixels/image.js";
import type { Interpolation } from "../pixels/resize.js";
import { type EvaluationTransform, evaluationView } from "./evaluation.js";
import type { ViewPlan } from "./plan.js";

export type { EvaluationTransform } from "./evaluation.js";

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

/** Bytes of a view: `size · size · 3`, for each crop of an evaluation. */
export const viewBytes = (transform: Transform): number =>
  transform.size ** 2 * 3 * (transform.kind === "evaluation" ? (transform.crops?.length ?? 1) : 1);

/**
 * Applies a transform: `viewBytes` bytes, `size · size · 3` for a single crop. A training transform draws its choices from `stream`.
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
