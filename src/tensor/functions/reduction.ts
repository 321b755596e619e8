/** Means and variances. */
import type { Tensor } from "../graph.js";
import { sizeOf } from "../host.js";
import { mul } from "../primitives/arithmetic.js";
import { normalizeAxes, reduceSum } from "../primitives/broadcast.js";

/** Arithmetic mean over `axes` (default: all). */
export function mean(x: Tensor, axes?: readonly number[], keep = false): Tensor {
  const chosen = normalizeAxes("mean", x, axes);
  return mul(reduceSum(x, chosen, keep), 1 / sizeOf(chosen.map((i) => x.shape[i])));
}
