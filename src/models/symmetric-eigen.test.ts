import { describe, expect, it } from "vitest";
import { RandomStream } from "../random/stream.js";
import { type Eigen, symmetricEigen } from "./symmetric-eigen.js";

function eigen(matrix: readonly number[], n: number): Eigen {
  const pieces = symmetricEigen(Float64Array.from(matrix), n);
  for (;;) {
    const piece = pieces.next();
    if (piece.done) return piece.value;
  }
}

const dot = (n: number, a: (k: number) => number, b: (k: number) => number) => {
  let sum = 0;
  for (let k = 0; k < n; k++) sum += a(k) * b(k);
  return sum;
};

/** A v = λ v for every pair, and vectors of length 1 at right angles, to the rounding of doubles. */
function expectEigen(matrix: readonly number[], n: number): Eigen {
  const found = eigen(matrix, n);
  const vector = (i: number) => (k: number) => found.vectors[i * n + k];
  for (let i = 0; i < n; i++) {
    for (let row = 0; row < n; row++)
      expect(dot(n, (k) => matrix[row * n + k], vector(i)) - found.values[i] * vector(i)(row)).toBeCloseTo(0, 10);
    for (let j = 0; j <= i; j++) expect(dot(n, vector(i), vector(j))).toBeCloseTo(i === j ? 1 : 0, 10);
  }
  expect([...found.values]).toEqual([...found.values].sort((a, b) => a - b));
  return found;
}

describe("eigenvalues of symmetric matrices", () => {
  it("are those of matrices whose are known", () => {
    expect(eigen([5], 1)).toEqual({ values: Float64Array.of(5), vectors: Float64Array.of(1) });
    expect([...expectEigen([2, 1, 1, 2], 2).values].map((v) => v.toFixed(9))).toEqual(["1.000000000", "3.000000000"]);
    // The second difference of n points: 2 - 2 cos(π k / (n + 1)).
    const n = 12;
    const chain = Array.from({ length: n * n }, (_, i) => {
      const apart = Math.abs((i % n) - Math.floor(i / n));
      return apart === 0 ? 2 : apart === 1 ? -1 : 0;
    });
    expectEigen(chain, n).values.forEach((value, k) => {
      expect(value).toBeCloseTo(2 - 2 * Math.cos((Math.PI * (k + 1)) / (n + 1)), 10);
    });
  });

  it("belong to their vectors, also where they coincide, vanish or are far apart", () => {
    const stream = new RandomStream({ seed: 0, purpose: "eigen" });
    const n = 24;
    const random = Array.from({ length: n * n }, () => stream.normal(0, 1));
    const symmetric = random.map((v, i) => v + random[(i % n) * n + Math.floor(i / n)]);
    expectEigen(symmetric, n);
    expectEigen(
      Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 3 : 0)),
      n,
    );
    expectEigen(
      Array.from({ length: n * n }, () => 0),
      n,
    );
    // Of rank 2, and of numbers of very different sizes.
    expectEigen(
      Array.from({ length: n * n }, (_, i) => (i % n) + Math.floor(i / n)),
      n,
    );
    expectEigen(
      symmetric.map((v, i) => v * 10 ** -(((i % n) + Math.floor(i / n)) / 4)),
      n,
    );
  });
});
