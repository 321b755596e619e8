/** From a decoded image to the model's input: evaluation as in timm, and training crops and flips. */
import { pixelCount } from "../../geometry/image-size.js";
import type { RandomStream } from "../../random/stream.js";
import { type Augmentation, augment } from "../augment/augment.js";
import type { RgbImage, Size } from "../pixels/image.js";
import { bordersIn, colorIn, packed, seenIn } from "./channels.js";
import { type EvaluationTransform, evaluationView } from "./evaluation.js";
import { joined, made, type ViewPlan } from "./plan.js";
import { type TrainingCrop, trainingView } from "./training.js";
import { viewSize } from "./view-size.js";

export type { EvaluationTransform } from "./evaluation.js";

/** Random crop, flips and augmentation. */
export interface TrainingTransform extends TrainingCrop {
  /** Distinguishes it from an evaluation transform. */
  readonly kind: "training";
  /** What happens to the pixels after crop and flips. */
  readonly augmentation?: Augmentation;
  /**
   * The view consists of so many pictures of one crop, one after the other: the first without augmentation, each of the
   * others with one of its own (default: a single one with it).
   */
  readonly splits?: number;
}

/** From a decoded image to a model's input. */
export type Transform = EvaluationTransform | TrainingTransform;

/** Pictures of a view. */
export const picturesOf = (transform: Transform): number =>
  (transform.kind === "evaluation" ? transform.crops?.length : transform.splits) ?? 1;

/** Bytes of a view: `height · width · channels` of each of its pictures; of views in native aspect at most that. */
export const viewBytes = (transform: Transform): number =>
  pixelCount(transform.size) * (transform.channels ?? 3) * picturesOf(transform);

/**
 * Applies a transform: `viewBytes` bytes, `height · width · channels` for a single crop. A training transform draws its choices from `stream`.
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
  return made(planView(image, transform, stream!), image);
}

/** Determines which part of an image a view needs. */
export function planView(
  image: Size & { readonly shrinks?: boolean },
  transform: Transform,
  stream: RandomStream,
): ViewPlan {
  return transform.kind === "evaluation" ? evaluationView(image, transform) : augmentedView(image, transform, stream);
}

/** Crop and flips, and then the augmentation. */
function augmentedView(
  image: Size & { readonly shrinks?: boolean },
  transform: TrainingTransform,
  stream: RandomStream,
): ViewPlan {
  const { augmentation, channels = 3, splits } = transform;
  const size = viewSize(image, transform);
  const plan = trainingView(image, { ...transform, size, ...bordersIn(channels, transform) }, stream);
  return {
    ...plan,
    make(pixels) {
      const image = plan.make(seenIn(channels, pixels));
      const inside = augmentation && { ...augmentation, fill: colorIn(channels, augmentation.fill) };
      const augmented = () => packed(channels, inside ? augment(image, inside, stream) : image);
      if (splits === undefined) return augmented();
      return joined([packed(channels, image), ...Array.from({ length: splits - 1 }, augmented)]);
    },
  };
}
