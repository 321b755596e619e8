/** The same images, normalised in another way. */
import type { Normalization } from "../../../models/model.js";
import { add, constant, mul, type Tensor } from "../../../tensor/index.js";

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
