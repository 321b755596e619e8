/** What a training batch goes through inside the program: normalisation, random erasing, Mixup and CutMix. */
import type { Normalization } from "../../models/model.js";
import { normalize } from "../../models/normalize.js";
import {
  add,
  and,
  broadcast,
  compare,
  constant,
  cos,
  input,
  log,
  mul,
  randomUniform,
  reshape,
  reverse,
  select,
  slice,
  sqrt,
  sub,
  type Tensor,
} from "../../tensor/index.js";
import { smoothedTargets } from "./losses.js";

/** What is done to a batch as a whole, on the device. */
export interface BatchTransform {
  /** Mixup and CutMix, with numbers drawn by `drawMix`. */
  readonly mix?: boolean;
  /** Random erasing, with boxes drawn by `drawErasing`. */
  readonly erase?: { readonly mode: EraseMode; readonly count: number };
}

/** What fills an erased box: normal noise per pixel, one normal colour, or the mean colour. */
export type EraseMode = "pixel" | "rand" | "const";

/** Names of the program inputs. A box is `[top, bottom, left, right]` in pixels, its ends left out; empty boxes do nothing. */
export const batchInputs = {
  images: "images",
  labels: "labels",
  /** float32 `[batch, 1, 1]`: share of an image's own pixels outside its box; the rest is its partner's. */
  mixShare: "mix.share",
  /** float32 `[batch, 4]`: box that the partner fills (CutMix). */
  mixBox: "mix.box",
  /** float32 `[batch, 1]`: share of an image's own label. */
  mixTarget: "mix.target",
  /** float32 `[batch, count, 4]`. */
  eraseBoxes: "erase.boxes",
  /** float32 `[batch, count, 3]`, normal: the colours of mode `rand`. */
  eraseColors: "erase.colors",
  /** int32 `[2]`: seed of the noise of mode `pixel`, new at every run. */
  eraseSeed: "erase.seed",
} as const;

/** uint8 images of the input `images` to the student's input, float32 `[batch, size, size, 3]`. */
export function batchImages(
  batch: number,
  size: number,
  normalization: Normalization,
  { mix = false, erase }: BatchTransform = {},
): Tensor {
  const images = normalize(input(batchInputs.images, "uint8", [batch, size, size, 3]), normalization);
  // Rows of width · 3 numbers: broadcasts over 3 channels are slow on CPUs.
  let rows = reshape(images, [batch, size, size * 3]);
  if (erase) rows = erased(rows, erase.mode, erase.count);
  if (mix) rows = mixed(rows);
  return rows === images ? images : reshape(rows, [batch, size, size, 3]);
}

/** int32 labels of the input `labels` to class distributions `[batch, classes]`: smoothed, then mixed as the images. */
export function batchTargets(batch: number, classes: number, smoothing: number, mix = false): Tensor {
  const target = smoothedTargets(input(batchInputs.labels, "int32", [batch]), classes, smoothing);
  if (!mix) return target;
  const share = input(batchInputs.mixTarget, "float32", [batch, 1]);
  return add(mul(target, share), mul(reverse(target, 0), sub(1, share)));
}

/** Every image is mixed with the one at its mirrored place in the batch, as in timm. */
function mixed(rows: Tensor): Tensor {
  const [batch] = rows.shape;
  const share = input(batchInputs.mixShare, "float32", [batch, 1, 1]);
  const own = select(inside(input(batchInputs.mixBox, "float32", [batch, 4]), rows.shape), 0, share);
  return add(mul(rows, own), mul(reverse(rows, 0), sub(1, own)));
}

/**
 * Erased boxes take noise that is drawn once per run and shared by the batch: boxes lie in different places, and one
 * image's worth of logarithms and cosines is all it costs. (timm draws it per image.)
 */
function erased(rows: Tensor, mode: EraseMode, count: number): Tensor {
  const [batch, size] = rows.shape;
  const boxes = input(batchInputs.eraseBoxes, "float32", [batch, count, 4]);
  const noise =
    mode === "pixel" ? normalNoise(input(batchInputs.eraseSeed, "int32", [2]), [1, ...rows.shape.slice(1)]) : 0;
  let out = rows;
  for (let i = 0; i < count; i++) {
    const box = reshape(slice(boxes, 1, i, i + 1), [batch, 4]);
    const fill = mode === "rand" ? colour(batch, count, i, size) : noise;
    out = select(inside(box, rows.shape), fill, out);
  }
  return out;
}

function colour(batch: number, count: number, index: number, size: number): Tensor {
  const all = input(batchInputs.eraseColors, "float32", [batch, count, 3]);
  const one = reshape(slice(all, 1, index, index + 1), [batch, 1, 1, 3]);
  return reshape(broadcast(one, [batch, 1, size, 3]), [batch, 1, size * 3]);
}

/** Normal numbers from pairs of uniform ones, by Box and Muller. */
function normalNoise(seed: Tensor, shape: readonly number[]): Tensor {
  const radius = sqrt(mul(log(sub(1, randomUniform(seed, 0, shape))), -2));
  return mul(radius, cos(mul(randomUniform(seed, 1, shape), 2 * Math.PI)));
}

/** Whether a pixel lies in its image's box: bool `[batch, height, width · 3]`. */
function inside(boxes: Tensor, [batch, height, wide]: readonly number[]): Tensor {
  const edge = (i: number) => reshape(slice(boxes, 1, i, i + 1), [batch, 1, 1]);
  const counted = (shape: readonly number[], length: number, step: number) =>
    constant(
      "float32",
      shape,
      Array.from({ length }, (_, i) => Math.floor(i / step)),
    );
  const y = counted([1, height, 1], height, 1);
  const x = counted([1, 1, wide], wide, 3);
  const within = (at: Tensor, from: Tensor, to: Tensor) => and(compare("GE", at, from), compare("LT", at, to));
  return and(within(y, edge(0), edge(1)), within(x, edge(2), edge(3)));
}

/** Images normalised for the student, as a teacher with other channel statistics wants them. */
export function renormalize(images: Tensor, from: Normalization, to: Normalization): Tensor {
  const same = from.mean.every((m, c) => m === to.mean[c]) && from.std.every((s, c) => s === to.std[c]);
  if (same) return images;
  const perChannel = (f: (c: number) => number) => constant("float32", [3], [0, 1, 2].map(f));
  const scaled = mul(
    images,
    perChannel((c) => from.std[c] / to.std[c]),
  );
  return add(
    scaled,
    perChannel((c) => (from.mean[c] - to.mean[c]) / to.std[c]),
  );
}
