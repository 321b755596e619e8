/** Position embeddings for another resolution, interpolated as timm or as the released program does. */
import { WeightsError } from "../errors.js";
import { float32, type HostTensor } from "../tensor/index.js";

/**
 * `timm`: bicubic with a = -0.5 and antialiasing, what timm 1.0 does to every checkpoint it adapts.
 * `released`: plain bicubic with a = -0.75, as facebookresearch/deit.
 */
export type PositionInterpolation = "timm" | "released";

function cubic(x: number, a: number): number {
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

/** Per output position: the inputs it reads and their weights. */
function taps(from: number, to: number, mode: PositionInterpolation): { index: number; weight: number }[][] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale - 0.5;
    if (mode === "released") {
      const base = Math.floor(centre);
      return [-1, 0, 1, 2].map((k) => ({
        index: Math.min(Math.max(base + k, 0), from - 1),
        weight: cubic(centre - (base + k), -0.75),
      }));
    }
    // Antialiased: the kernel widens when shrinking, is cut at the border, and its weights are made to sum to 1.
    const support = 2 * Math.max(scale, 1);
    const first = Math.max(0, Math.trunc(centre + 0.5 - support + 0.5));
    const last = Math.min(from, Math.trunc(centre + 0.5 + support + 0.5));
    const weights = Array.from({ length: last - first }, (_, k) =>
      cubic((first + k - centre) / Math.max(scale, 1), -0.5),
    );
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((w, k) => ({ index: first + k, weight: w / total }));
  });
}

/**
 * Resizes the grid part of a position embedding `[1, prefix + rows·columns, width]`; the `prefix` tokens (class,
 * distillation) keep theirs. The old grid must be square.
 */
export function resizePositionEmbedding(
  embedding: HostTensor,
  grid: readonly [rows: number, columns: number],
  prefix: number,
  mode: PositionInterpolation = "timm",
): HostTensor {
  const [, tokens, width] = embedding.shape;
  const side = Math.sqrt(tokens - prefix);
  if (!Number.isInteger(side)) {
    throw new WeightsError(
      `A position embedding of ${tokens} tokens with ${prefix} of them for class and distillation does not come from a square image; it cannot be resized.`,
    );
  }
  const [rows, columns] = grid;
  if (rows === side && columns === side) return embedding;
  const source = embedding.data as Float32Array;
  const out = new Float32Array((prefix + rows * columns) * width);
  out.set(source.subarray(0, prefix * width));
  const across = taps(side, columns, mode);
  const down = taps(side, rows, mode);
  const wide = new Float64Array(side * columns * width);
  for (let y = 0; y < side; y++) {
    across.forEach((list, x) => {
      for (const { index, weight } of list) {
        const at = (prefix + y * side + index) * width;
        for (let c = 0; c < width; c++) wide[(y * columns + x) * width + c] += weight * source[at + c];
      }
    });
  }
  const sum = new Float64Array(columns * width);
  down.forEach((list, y) => {
    sum.fill(0);
    for (const { index, weight } of list) {
      for (let i = 0; i < sum.length; i++) sum[i] += weight * wide[index * columns * width + i];
    }
    out.set(sum, (prefix + y * columns) * width);
  });
  return float32([1, prefix + rows * columns, width], out);
}
