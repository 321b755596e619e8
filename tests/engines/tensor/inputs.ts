/** Random inputs of a case. */
import { RandomStream } from "../../../src/random/stream.js";
import * as t from "../../../src/tensor/index.js";
import type { Case } from "./cases.js";

export interface Prepared {
  readonly tensors: Readonly<Record<string, t.Tensor>>;
  readonly values: ReadonlyMap<string, Float64Array>;
  readonly output: t.Tensor;
  readonly expected?: ArrayLike<number>;
}

/** Builds a case on `shape` with inputs that are a function of the seed, rounded to float32 so that engines see the same. */
export function prepare(testCase: Case, shape: readonly number[], seed: number): Prepared {
  const { inputs, output, expected } = testCase.build(shape);
  const [low, high] = testCase.range ?? [-2, 2];
  const stream = new RandomStream({ seed, purpose: testCase.name });
  const draw = (): number => {
    const v = stream.uniform(low, high);
    return testCase.avoidZero && Math.abs(v) < 0.05 ? draw() : Math.fround(v);
  };
  const values = new Map(Object.entries(inputs).map(([n, s]) => [n, Float64Array.from({ length: t.sizeOf(s) }, draw)]));
  const tensors = Object.fromEntries(Object.entries(inputs).map(([n, s]) => [n, t.input(n, "float32", s)]));
  return { tensors, values, output: output(tensors), expected: expected?.(Object.fromEntries(values)) };
}

/** A scalar with a gradient that differs per element: Σ wᵢ yᵢ with fixed w. */
export function weightedSum(y: t.Tensor): t.Tensor {
  const n = t.sizeOf(y.shape);
  const weights = t.constant(
    "float32",
    y.shape,
    Array.from({ length: n }, (_, i) => Math.cos(1 + i * 1.7)),
  );
  return t.reduceSum(t.mul(y, weights));
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]) / Math.max(1, Math.abs(b[i]));
    worst = Math.max(worst, Number.isNaN(d) ? Infinity : d);
  }
  return worst;
}
