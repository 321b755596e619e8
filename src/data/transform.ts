/** From a decoded image to the square the model sees: evaluation as timm's, training's crop and flip. */
import type { RandomStream } from "../random/stream.js";
import type { RgbImage } from "./image.js";
import { type Interpolation, resize } from "./resize.js";

export interface EvaluationTransform {
  readonly kind: "evaluation";
  readonly size: number;
  /** Share of the shorter side that is kept (timm's crop_pct). */
  readonly cropRatio: number;
  readonly interpolation: Interpolation;
}

export interface TrainingTransform {
  readonly kind: "training";
  readonly size: number;
  readonly interpolation: Interpolation;
  /** `resized`: a random part of the image; `padded`: a random shift by up to 4 pixels, for images of 32 or fewer. */
  readonly crop: "resized" | "padded";
  /** Range of the part's area. */
  readonly scale: readonly [number, number];
  /** Range of its width over height. */
  readonly ratio: readonly [number, number];
  /** Probability of a horizontal flip. */
  readonly flip: number;
}

export type Transform = EvaluationTransform | TrainingTransform;

/** Applies a transform: `size · size · 3` bytes. `stream` is read by training transforms only. */
export function applyTransform(image: RgbImage, transform: Transform, stream: RandomStream): Uint8Array {
  return transform.kind === "evaluation" ? evaluationView(image, transform) : trainingView(image, transform, stream);
}

/** Shorter side to ⌊size / cropRatio⌋, then the centre square. Only the square is computed. */
function evaluationView(image: RgbImage, { size, cropRatio, interpolation }: EvaluationTransform): Uint8Array {
  const short = Math.floor(size / cropRatio);
  const [width, height] =
    image.width <= image.height
      ? [short, Math.trunc((short * image.height) / image.width)]
      : [Math.trunc((short * image.width) / image.height), short];
  const region = { left: halfEven((width - size) / 2), top: halfEven((height - size) / 2), width: size, height: size };
  return resize(image, { width, height, interpolation, region }).data;
}

/** Rounds halves to even, as Python does. */
function halfEven(x: number): number {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
}

function trainingView(image: RgbImage, transform: TrainingTransform, stream: RandomStream): Uint8Array {
  const { size, interpolation, flip } = transform;
  const data =
    transform.crop === "padded"
      ? paddedCrop(image, transform, stream)
      : resize(cut(image, randomBox(image, transform, stream)), { width: size, height: size, interpolation }).data;
  return flip > 0 && stream.uniform() < flip ? flipped(data, size) : data;
}

type Box = readonly [left: number, top: number, width: number, height: number];

/** The box of a random resized crop, as torchvision draws it: ten tries, then the largest centre box of legal ratio. */
function randomBox({ width, height }: RgbImage, { scale, ratio }: TrainingTransform, stream: RandomStream): Box {
  const logRatio = ratio.map(Math.log);
  for (let i = 0; i < 10; i++) {
    const area = width * height * stream.uniform(scale[0], scale[1]);
    const aspect = Math.exp(stream.uniform(logRatio[0], logRatio[1]));
    const w = halfEven(Math.sqrt(area * aspect));
    const h = halfEven(Math.sqrt(area / aspect));
    if (w > 0 && h > 0 && w <= width && h <= height)
      return [stream.integer(width - w + 1), stream.integer(height - h + 1), w, h];
  }
  const current = width / height;
  const w = current > ratio[1] ? halfEven(height * ratio[1]) : width;
  const h = current < ratio[0] ? halfEven(width / ratio[0]) : height;
  return [(width - w) >> 1, (height - h) >> 1, w, h];
}

/** A part of the image with memory of its own: resampling must not see past its border. */
function cut(image: RgbImage, [left, top, width, height]: Box): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}

const padding = 4;

/** Brings the image to `size`, pads it with black by 4 pixels and takes a random square. */
function paddedCrop(image: RgbImage, { size, interpolation }: TrainingTransform, stream: RandomStream): Uint8Array {
  const fitting = image.width === size && image.height === size;
  const { data } = fitting ? image : resize(image, { width: size, height: size, interpolation });
  const left = stream.integer(2 * padding + 1) - padding;
  const top = stream.integer(2 * padding + 1) - padding;
  const out = new Uint8Array(size * size * 3);
  for (let y = Math.max(0, -top); y < Math.min(size, size - top); y++) {
    const from = Math.max(0, left);
    const to = Math.min(size, size + left);
    out.set(data.subarray(((y + top) * size + from) * 3, ((y + top) * size + to) * 3), (y * size + from - left) * 3);
  }
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
