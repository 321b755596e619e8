/** Patch embeddings for patches of another size, as in FlexiViT (arXiv 2212.08013, section 3.4) and timm. */
import type { HostTensor } from "../tensor/index.js";
import { resizingMatrix } from "./resample.js";

type Matrix = readonly Float64Array[];

/**
 * The weights `[width, channels, from, from]` for patches of `to` × `to` pixels: those that give a resized patch an
 * embedding as near as can be to that of the patch itself, which is the same if the patch is enlarged.
 */
export function resizePatchEmbedding(weight: HostTensor, to: number): HostTensor {
  const [width, channels, from] = weight.shape;
  if (from === to) return weight;
  const across = pseudoInverse(from, to);
  const down = transposed(across);
  const data = new Float32Array(width * channels * to * to);
  for (let kernel = 0; kernel < width * channels; kernel++) {
    const rows = Array.from({ length: from }, (_, y) => {
      const first = (kernel * from + y) * from;
      return Float64Array.from(weight.data.slice(first, first + from), Number);
    });
    product(product(across, rows), down).forEach((row, y) => {
      data.set(row, (kernel * to + y) * to);
    });
  }
  return { dtype: "float32", shape: [width, channels, to, to], data };
}

/** The pseudo-inverse `[to, from]` of the transpose of the matrix that resizes one axis. */
function pseudoInverse(from: number, to: number): Matrix {
  const resize = resizingMatrix(from, to, "bicubic");
  const back = transposed(resize);
  return to < from ? solve(product(resize, back), resize) : transposed(solve(product(back, resize), back));
}

const transposed = (a: Matrix): Matrix => Array.from(a[0], (_, j) => Float64Array.from(a, (row) => row[j]));

const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => Float64Array.from(b[0], (_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));

/** X with `a` X = `b`, by Gauss-Jordan elimination; `a` is symmetric and positive definite, so pivots need no search. */
function solve(a: Matrix, b: Matrix): Matrix {
  const n = a.length;
  const rows = a.map((row, i) => Float64Array.from([...row, ...b[i]]));
  for (let pivot = 0; pivot < n; pivot++) {
    const by = rows[pivot][pivot];
    for (let k = pivot; k < rows[pivot].length; k++) rows[pivot][k] /= by;
    rows.forEach((row, i) => {
      const factor = i === pivot ? 0 : row[pivot];
      if (factor !== 0) for (let k = pivot; k < row.length; k++) row[k] -= factor * rows[pivot][k];
    });
  }
  return rows.map((row) => row.subarray(n));
}
