/** Changes the normalisation of images. */
import type { Normalization } from "../../../models/model.js";
import { add, constant, mul, type Tensor } from "../../../tensor/index.js";

/** Converts images normalised for the student to a teacher's different channel statistics. */
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
