/** Antialiased resampling along an axis, as in timm, PyTorch and Pillow; for images, as products inside a program. */
import { heightAndWidth, type ImageSize } from "../geometry/image-size.js";
import { constant, dot, reshape, type Tensor, transpose } from "../tensor/index.js";

/** Filter of a resampling within a program. */
export type ResampleFilter = "bilinear" | "bicubic";

const kernels: Record<ResampleFilter, { readonly support: number; weight(x: number): number }> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: (x) => cubic(x, -0.5) },
};

/** The cubic convolution kernel with the parameter `a`. */
export function cubic(x: number, a: number): number {
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

export interface Tap {
  readonly index: number;
  readonly weight: number;
}

/**
 * Per output position the inputs it reads. The kernel widens when shrinking, is truncated at the border, and sums to 1.
 */
export function antialiasedTaps(from: number, to: number, filter: ResampleFilter): readonly (readonly Tap[])[] {
  const { support, weight } = kernels[filter];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * stretch + 0.5));
    const last = Math.min(from, Math.trunc(centre + support * stretch + 0.5));
    const weights = Array.from({ length: last - first }, (_, k) => weight((first + k + 0.5 - centre) / stretch));
    const total = weights.reduce((a, b) => a + b, 0);
    return weights.map((w, k) => ({ index: first + k, weight: w / total }));
  });
}

/** The same as a matrix `[to, from]`, row by row. */
export function resizingMatrix(from: number, to: number, filter: ResampleFilter): readonly Float64Array[] {
  return antialiasedTaps(from, to, filter).map((taps) => {
    const row = new Float64Array(from);
    for (const { index, weight } of taps) row[index] = weight;
    return row;
  });
}

/** Resizes images `[batch, height, width, channels]`, by one product per axis. */
export function resizeImages(images: Tensor, size: ImageSize, filter: ResampleFilter = "bicubic"): Tensor {
  const [batch, height, width, channels] = images.shape;
  const [rows, columns] = heightAndWidth(size);
  if (height === rows && width === columns) return images;
  const matrix = (from: number, to: number) =>
    constant(
      "float32",
      [to, from],
      resizingMatrix(from, to, filter).flatMap((row) => [...row]),
    );
  // [rows, batch, width · channels], then [rows, batch, channels, columns].
  const wide = reshape(images, [batch, height, width * channels]);
  const down = dot(matrix(height, rows), wide, { contract: [[1], [1]] });
  const across = dot(reshape(down, [rows, batch, width, channels]), matrix(width, columns), { contract: [[2], [1]] });
  return transpose(across, [1, 0, 3, 2]);
}
