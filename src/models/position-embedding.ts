/** Resizes position embeddings to a different resolution, as in timm or in the original code. */
import { WeightsError } from "../errors/errors.js";
import { float32, type HostTensor } from "../tensor/index.js";
import { antialiasedTaps, cubic, type Tap } from "./resample.js";

/**
 * `timm`: bicubic with a = -0.5 and antialiasing, as timm 1.0 does for every checkpoint it adapts. `released`: plain
 * bicubic with a = -0.75, like facebookresearch/deit.
 */
export type PositionInterpolation = "timm" | "released";

/** Per output position: the inputs it reads and their weights. */
function taps(from: number, to: number, mode: PositionInterpolation): readonly (readonly Tap[])[] {
  if (mode === "timm") return antialiasedTaps(from, to, "bicubic");
  return Array.from({ length: to }, (_, i) => {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const base = Math.floor(centre);
    return [-1, 0, 1, 2].map((k) => ({
      index: Math.min(Math.max(base + k, 0), from - 1),
      weight: cubic(centre - (base + k), -0.75),
    }));
  });
}

/**
 * Resizes the grid part of a position embedding `[1, prefix + rows·columns, width]`; the `prefix` tokens (class,
 * distillation) are unchanged. The old grid must be square.
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
