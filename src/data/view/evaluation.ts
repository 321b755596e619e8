/** Views for evaluation, as in timm: the image is resized, and its centre, or several parts of it, are cut out. */
import { shorterSide } from "../pixels/crop.js";
import { halfEven } from "../pixels/half-even.js";
import { type Box, enclosing, type Size } from "../pixels/image.js";
import { type Interpolation, planResize } from "../pixels/resize.js";
import type { ViewPlan } from "./plan.js";

/** Where a square is cut out of the resized image; five places are torchvision's FiveCrop. */
export const cropPlaces = ["center", "topLeft", "topRight", "bottomLeft", "bottomRight"] as const;
export type CropPlace = (typeof cropPlaces)[number];

/** One of several squares that are cut out of an image. */
export interface TestCrop {
  /** Where it lies (default: in the centre). */
  readonly place?: CropPlace;
  /** Whether it is flipped left to right. */
  readonly mirrored?: boolean;
  /** Fraction of the shorter side that is kept, if it is not that of the transform. */
  readonly cropRatio?: number;
}

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
  /** The view consists of these squares, one after the other (default: the centre). */
  readonly crops?: readonly TestCrop[];
}

/** Only the squares are computed. */
export function evaluationView(image: Size, transform: EvaluationTransform): ViewPlan {
  const { crops = [{}] } = transform;
  const plans = crops.map((crop) => planCrop(image, transform, crop));
  return {
    shrink: 1,
    reads: enclosing(plans.map(({ reads }) => reads)),
    make(pixels) {
      const made = plans.map(({ run }) => run(pixels).data);
      return made.length === 1 ? made[0] : joined(made);
    },
  };
}

/** Shorter side, or both, to ⌊size / cropRatio⌋, then a square. */
function planCrop(image: Size, transform: EvaluationTransform, crop: TestCrop): ReturnType<typeof planResize> {
  const { size, cropMode, interpolation } = transform;
  const side = Math.floor(size / (crop.cropRatio ?? transform.cropRatio));
  const { width, height } = cropMode === "squash" ? { width: side, height: side } : shorterSide(image, side);
  const region = regionAt({ width, height }, size, crop.place ?? "center");
  return planResize(image, { width, height, interpolation, region, mirrored: crop.mirrored });
}

/** The centre is rounded as torchvision does. */
function regionAt({ width, height }: Size, size: number, place: CropPlace): Box {
  const [right, bottom] = [width - size, height - size];
  const square = { width: size, height: size };
  switch (place) {
    case "center":
      return { left: halfEven(right / 2), top: halfEven(bottom / 2), ...square };
    case "topLeft":
      return { left: 0, top: 0, ...square };
    case "topRight":
      return { left: right, top: 0, ...square };
    case "bottomLeft":
      return { left: 0, top: bottom, ...square };
    case "bottomRight":
      return { left: right, top: bottom, ...square };
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
