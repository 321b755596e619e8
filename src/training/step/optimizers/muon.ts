/** Muon (Jordan et al., 2024): the averaged gradient of each matrix, made orthogonal; as computed by timm. */
import { add, div, dot, max, mul, reshape, sizeOf, sub, type Tensor, transpose } from "../../../tensor/index.js";
import { norm } from "../norms.js";
import { adamw } from "./adamw.js";
import { gate, keptShare, optimizerKind, scalarInput, shared, stateInput, times } from "./optimizer.js";

/** Coefficients (a, b, c) of the five Newton–Schulz iterations x ↦ ax + bx³ + cx⁵, timm's `quintic`. */
const iterations = [
  [4.0848, -6.8946, 2.927],
  [3.9505, -6.3029, 2.6377],
  [3.7418, -5.5913, 2.3037],
  [2.8769, -3.1427, 1.2046],
  [2.8366, -3.0525, 1.2012],
] as const;

/**
 * Matrices, and kernels of convolutions as matrices `[out, in · height · width]`, move by lr · 0.2 · √(the longer side)
 * times the orthogonal matrix nearest to the average of their gradients; so their root mean square moves as under AdamW
 * (Liu et al., arXiv 2502.16982), whose rates fit. Everything else moves by AdamW. Decay is decoupled.
 */
export const muon = optimizerKind({
  settings: {
    momentum: shared.momentum,
    betas: shared.betas,
    epsilon: shared.epsilon,
    weightDecay: shared.weightDecay,
  },
  defaults: { momentum: 0.95, betas: [0.9, 0.95], epsilon: 1e-7 },
  build: (settings, factor) => {
    const { momentum, epsilon, weightDecay } = settings;
    const rest = adamw.build(settings, factor);
    const buffer = (p: string) => `optimizer.momentum_buffer.${p}`;
    return {
      stateNames: (spec) => (isMatrix(spec.shape) ? [buffer(spec.name)] : rest.stateNames(spec)),
      scalars: (lr, step) => ({ ...rest.scalars(lr, step), "muon.lr": lr, "muon.keep": 1 - lr * weightDecay }),
      update: (spec, parameter, gradient, proceed) => {
        const { name, shape } = spec;
        if (!isMatrix(shape)) return rest.update(spec, parameter, gradient, proceed);
        const gated = gate(proceed);
        const f = factor(name);
        const average = add(mul(stateInput(buffer(name), spec), gated(momentum, 1)), mul(gradient, 1 - momentum));
        const rows = shape[0];
        const columns = sizeOf(shape) / rows;
        const direction = reshape(orthogonal(reshape(average, [rows, columns]), epsilon), shape);
        const rate = mul(scalarInput("muon.lr"), 0.2 * Math.sqrt(Math.max(rows, columns)));
        const kept =
          spec.decay && weightDecay !== 0
            ? mul(parameter, gated(keptShare(scalarInput("muon.keep"), f), 1))
            : parameter;
        return new Map([
          [name, sub(kept, mul(direction, gated(times(rate, f), 0)))],
          [buffer(name), average],
        ]);
      },
    };
  },
});

/** timm's rule: both sides at least 4 and not too unequal; not positions and depth-wise kernels, which have a side of 1. */
function isMatrix(shape: readonly number[]): boolean {
  if (shape.length < 2 || shape[0] === 1 || shape[1] === 1) return false;
  const sides = [shape[0], sizeOf(shape) / shape[0]];
  return Math.min(...sides) >= 4 && Math.max(...sides) <= 128 * Math.min(...sides);
}

/** The matrix with its singular values brought near 1, by Newton–Schulz on its shorter side; 0 stays 0. */
function orthogonal(matrix: Tensor, epsilon: number): Tensor {
  const tall = matrix.shape[0] > matrix.shape[1];
  const wide = tall ? transpose(matrix, [1, 0]) : matrix;
  let x = div(wide, max(norm(wide), epsilon));
  for (const [a, b, c] of iterations) {
    const square = dot(x, x, { contract: [[1], [1]] });
    const polynomial = add(mul(square, b), dot(square, square, { contract: [[1], [0]], alpha: c }));
    x = add(mul(x, a), dot(polynomial, x, { contract: [[1], [0]] }));
  }
  return tall ? transpose(x, [1, 0]) : x;
}
