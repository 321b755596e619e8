/** Resizes position embeddings to a different resolution, as in timm or in the original code. */

import { WeightsError } from "../errors/errors.js";
import type { Grid } from "../geometry/image-size.js";
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
 * distillation) are unchanged. The old grid is square unless `from` says otherwise. Throws WeightsError if it is not.
 */
export function resizePositionEmbedding(
  embedding: HostTensor,
  grid: Grid,
  prefix: number,
  mode: PositionInterpolation = "timm",
  from?: Grid,
): HostTensor {
  const [, tokens, width] = embedding.shape;
  const side = Math.sqrt(tokens - prefix);
  const [height, across] = from ?? [side, side];
  if (!Number.isInteger(height) || height * across !== tokens - prefix) {
    throw new WeightsError(
      `A position embedding of ${tokens} tokens with ${prefix} of them for class and distillation does not come from ${from ? `a grid of ${height}×${across} patches` : "a square image"}; it cannot be resized.`,
    );
  }
  const [rows, columns] = grid;
  if (rows === height && columns === across) return embedding;
  const source = embedding.data as Float32Array;
  const out = new Float32Array((prefix + rows * columns) * width);
  out.set(source.subarray(0, prefix * width));
  const alongRows = taps(across, columns, mode);
  const down = taps(height, rows, mode);
  const wide = new Float64Array(height * columns * width);
  for (let y = 0; y < height; y++) {
    alongRows.forEach((list, x) => {
      for (const { index, weight } of list) {
        const at = (prefix + y * across + index) * width;
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
