/** From a decoded image to the square the model sees: evaluation as timm's, training's crop and flip. */
import type { RandomStream } from "../random/stream.js";
import { type Augmentation, augment } from "./augment/augment.js";
import { type CropKind, type CropOptions, crops, halfEven, shorterSide } from "./crop.js";
import type { RgbImage } from "./image.js";
import { type Interpolation, resize } from "./resize.js";

export interface EvaluationTransform {
  readonly kind: "evaluation";
  readonly size: number;
  /** Share of the shorter side that is kept (timm's crop_pct). */
  readonly cropRatio: number;
  readonly interpolation: Interpolation;
}

export interface TrainingTransform extends CropOptions {
  readonly kind: "training";
  /** `random`: bilinear or bicubic, drawn for each view. */
  readonly interpolation: Interpolation | "random";
  readonly crop: CropKind;
  /** Probability of a horizontal and of a vertical flip. */
  readonly flip: number;
  readonly verticalFlip?: number;
  readonly augmentation?: Augmentation;
}

export type Transform = EvaluationTransform | TrainingTransform;

/** Applies a transform: `size · size · 3` bytes. `stream` is read by training transforms only. */
export function applyTransform(image: RgbImage, transform: Transform, stream: RandomStream): Uint8Array {
  return transform.kind === "evaluation" ? evaluationView(image, transform) : trainingView(image, transform, stream);
}

/** Shorter side to ⌊size / cropRatio⌋, then the centre square. Only the square is computed. */
function evaluationView(image: RgbImage, { size, cropRatio, interpolation }: EvaluationTransform): Uint8Array {
  const { width, height } = shorterSide(image, Math.floor(size / cropRatio));
  const region = { left: halfEven((width - size) / 2), top: halfEven((height - size) / 2), width: size, height: size };
  return resize(image, { width, height, interpolation, region }).data;
}

function trainingView(image: RgbImage, transform: TrainingTransform, stream: RandomStream): Uint8Array {
  const { size, flip, verticalFlip = 0, augmentation } = transform;
  const interpolation =
    transform.interpolation === "random" ? stream.choice(["bilinear", "bicubic"] as const) : transform.interpolation;
  let data = crops[transform.crop](image, transform, interpolation, stream);
  if (flip > 0 && stream.uniform() < flip) data = flipped(data, size);
  if (verticalFlip > 0 && stream.uniform() < verticalFlip) data = upsideDown(data, size);
  return augmentation ? augment({ width: size, height: size, data }, augmentation, stream).data : data;
}

function upsideDown(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(data.length);
  const stride = size * 3;
  for (let y = 0; y < size; y++) out.set(data.subarray(y * stride, (y + 1) * stride), (size - 1 - y) * stride);
  return out;
}

function flipped(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const from = (y * size + x) * 3;
      const to = (y * size + size - 1 - x) * 3;
      out[to] = data[from];
      out[to + 1] = data[from + 1];
      out[to + 2] = data[from + 2];
    }
  }
  return out;
}
