/** Views for evaluation, as in timm: the image is resized, and its centre, or several parts of it, are cut out. */
import type { Channels } from "../../geometry/channels.js";
import { beforeCrop, type ImageSize, sidesOf } from "../../geometry/image-size.js";
import { resizedTo } from "../pixels/crop.js";
import { bordered, type Fit, flippedBox } from "../pixels/fit.js";
import { halfEven } from "../pixels/half-even.js";
import { enclosing, type Pixels, type Size } from "../pixels/image.js";
import { type Interpolation, planResize } from "../pixels/resize.js";
import { bordersIn, packed, seenIn } from "./channels.js";
import { joined, type ViewPlan } from "./plan.js";
import { viewSize } from "./view-size.js";

/** Where the view is cut out of the resized image. */
export type CropPlace = "center" | "topLeft" | "topRight" | "bottomLeft" | "bottomRight";

/** All five places, in the order of torchvision's FiveCrop but for the centre. */
export const cropPlaces = [
  "center",
  "topLeft",
  "topRight",
  "bottomLeft",
  "bottomRight",
] as const satisfies readonly CropPlace[];

/** One of several views that are cut out of an image. */
export interface TestCrop {
  /** Where it lies (default: in the centre). */
  readonly place?: CropPlace;
  /** Whether it is flipped left to right. */
  readonly mirrored?: boolean;
  /** Fraction of the shorter side that is kept, if it is not that of the transform. */
  readonly cropRatio?: number;
}

/** Resize and crop, as in timm's evaluation. */
export interface EvaluationTransform extends Fit {
  /** Distinguishes it from a training transform. */
  readonly kind: "evaluation";
  /** Size of the view in pixels. */
  readonly size: ImageSize;
  /** Fraction of the resized image that is kept along the side that decides its size (timm's crop_pct). */
  readonly cropRatio: number;
  /** Filter that resizes the image. */
  readonly interpolation: Interpolation;
  /** Channels of the view: 1 (grayscale), 3 (RGB) or 4 (RGBA); default: 3. */
  readonly channels?: Channels;
  /** The view consists of these parts, one after the other (default: the centre). */
  readonly crops?: readonly TestCrop[];
}

/** Only these parts are computed. */
export function evaluationView(image: Size, given: EvaluationTransform): ViewPlan {
  const { crops = [{}], channels = 3 } = given;
  const transform = { ...given, size: viewSize(image, given), ...bordersIn(channels, given) };
  const plans = crops.map((crop) => planCrop(image, transform, crop));
  return {
    shrink: 1,
    reads: enclosing(plans.map(({ reads }) => reads)),
    make(pixels) {
      const seen = seenIn(channels, pixels);
      const made = plans.map(({ run }) => packed(channels, run(seen)));
      return made.length === 1 ? made[0] : joined(made);
    },
  };
}

/** Resizes to ⌊size / cropRatio⌋ as the mode says, then cuts out the view. */
function planCrop(image: Size, transform: EvaluationTransform, crop: TestCrop) {
  const { interpolation, borderColor } = transform;
  const { place = "center", mirrored = false, cropRatio = transform.cropRatio } = crop;
  const view = sidesOf(transform.size);
  const scaled = sidesOf(beforeCrop(transform.size, cropRatio));
  const resized = resizedTo(image, scaled, transform);
  const across = along(
    resized.width,
    view.width,
    place.endsWith("Left") ? "start" : place.endsWith("Right") ? "end" : "middle",
  );
  const down = along(
    resized.height,
    view.height,
    place.startsWith("top") ? "start" : place.startsWith("bottom") ? "end" : "middle",
  );
  const region = { left: across.from, top: down.from, width: across.length, height: down.length };
  const target = { left: across.to, top: down.to, width: across.length, height: down.length };
  const { reads, run } = planResize(image, { ...resized, interpolation, region, mirrored });
  return {
    reads,
    run: (pixels: Pixels) => bordered(run(pixels), flippedBox(target, view, mirrored, false), view, borderColor),
  };
}

/**
 * The pixels `from` … of an axis, and where they begin in the view: cut out, or with a border on both sides. The centre is
 * rounded as torchvision does, the border as timm's CenterCropOrPad.
 */
function along(
  resized: number,
  size: number,
  place: "start" | "middle" | "end",
): { readonly from: number; readonly to: number; readonly length: number } {
  const over = resized - size;
  if (over < 0) return { from: 0, to: -over >> 1, length: resized };
  return { from: place === "start" ? 0 : place === "end" ? over : halfEven(over / 2), to: 0, length: size };
}
