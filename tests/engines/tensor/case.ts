/** What a case of a primitive or composed function says of it, and the shapes it is tried on. */
import fc from "fast-check";
import type * as t from "../../../src/tensor/index.js";

export interface Case {
  readonly name: string;
  /** Inputs by name with their shapes (float32 unless `dtypes` says otherwise) and the tensor built from them. */
  readonly build: (shape: readonly number[]) => {
    readonly inputs: Readonly<Record<string, readonly number[]>>;
    readonly output: (inputs: Readonly<Record<string, t.Tensor>>) => t.Tensor;
    /** Value of the output from those of the inputs, row-major. */
    readonly expected?: (inputs: Readonly<Record<string, Float64Array>>) => ArrayLike<number>;
  };
  /** Range of the random inputs; away from poles and kinks where the case has some. */
  readonly range?: readonly [number, number];
  /** No derivative exists. */
  readonly constant?: boolean;
  /** Values that keep a distance from 0, where the function has a kink. */
  readonly avoidZero?: boolean;
  readonly rank?: readonly [number, number];
}

export const shapes = ([least, most]: readonly [number, number] = [1, 3]) =>
  fc.array(fc.integer({ min: 1, max: 4 }), { minLength: least, maxLength: most });

/** Φ(x) by Simpson's rule over the density, which owes nothing to any erf. */
export function normalCdf(x: number): number {
  const n = 400;
  const h = x / n;
  const density = (v: number) => Math.exp((-v * v) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < n; i++) sum += density(i * h) * (i % 2 ? 4 : 2);
  return 0.5 + (sum * h) / 3;
}
