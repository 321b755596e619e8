/** Clipping of gradients: timm's `clip-grad` and `clip-mode`. */
import type { ParameterSpec } from "../../models/model.js";
import { add, compare, div, max, min, mul, reduceSum, reshape, select, sqrt, type Tensor } from "../../tensor/index.js";

/** What is limited: the norm of all gradients together, each number, or each row's norm against its weights' (AGC). */
export type ClipMode = "norm" | "value" | "agc";
export const clipModes = ["norm", "value", "agc"] as const satisfies readonly ClipMode[];

/** What clipping reads besides a gradient. */
export interface Clipped {
  /** Norm of all gradients together, of the mean over the accumulated runs; a scalar. */
  readonly norm: Tensor;
  /** Runs whose gradients are summed. */
  readonly accumulate: number;
  /** Whether the step is made: all factors are 0 in one that is not, whose norm is not finite. */
  readonly proceed: Tensor;
  /** Parameters of heads, which AGC leaves alone. */
  readonly heads: ReadonlySet<string>;
}

/** From the finite sum of a parameter's gradients to their mean, clipped; without `limit` to their mean. */
export function clipping(
  mode: ClipMode,
  limit: number | undefined,
  { norm, accumulate, proceed, heads }: Clipped,
): (spec: ParameterSpec, parameter: Tensor, sum: Tensor) => Tensor {
  const mean = (sum: Tensor) => (accumulate === 1 ? sum : mul(sum, 1 / accumulate));
  if (limit === undefined) return (_spec, _parameter, sum) => mean(sum);
  switch (mode) {
    case "norm": {
      const factor = select(proceed, mul(min(div(limit, add(norm, 1e-6)), 1), 1 / accumulate), 0);
      return (_spec, _parameter, sum) => mul(sum, factor);
    }
    case "value":
      return (_spec, _parameter, sum) => max(min(mean(sum), limit), -limit);
    case "agc":
      return ({ name }, parameter, sum) => (heads.has(name) ? mean(sum) : adaptive(parameter, mean(sum), limit));
  }
}

/**
 * Adaptive gradient clipping (Brock et al., arXiv 2102.06171, equation 3) as computed by timm: the gradient of each row
 * (output channel) has at most `limit` times the norm of its weights, which counts as at least 1e-3; vectors and scalars
 * are one row.
 */
function adaptive(parameter: Tensor, gradient: Tensor, limit: number): Tensor {
  const most = mul(max(rowNorms(parameter), 1e-3), limit);
  const norms = rowNorms(gradient);
  return select(compare("GT", norms, most), mul(gradient, div(most, max(norms, 1e-6))), gradient);
}

/** Norms of rows, of the tensor's rank with 1 for all dimensions that are summed, so that they broadcast against it. */
function rowNorms(x: Tensor): Tensor {
  const { shape } = x;
  const summed = shape.map((_, axis) => axis).slice(shape.length > 1 ? 1 : 0);
  const kept = shape.map((size, axis) => (summed.includes(axis) ? 1 : size));
  return sqrt(reshape(reduceSum(mul(x, x), summed), kept));
}
