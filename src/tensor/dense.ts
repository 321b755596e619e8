/** Values in double precision: used by the reference rules of primitives. */
import { type Shape, sizeOf } from "./host.js";

/** A value of the reference evaluator. Integers and booleans are stored as doubles too. */
export interface DenseValue {
  /** Sizes of its axes. */
  readonly shape: Shape;
  /** The elements in double precision, row by row. */
  readonly data: Float64Array;
}

/** Row-major strides in elements. */
export function strides(shape: Shape): number[] {
  const s = new Array<number>(shape.length);
  let n = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    s[i] = n;
    n *= shape[i];
  }
  return s;
}

/** Folds `x` over `axes` into an array of `outShape` elements. */
export function reduceWith(
  x: DenseValue,
  axes: readonly number[],
  outShape: Shape,
  start: number,
  combine: (a: number, b: number) => number,
): Float64Array {
  const y = new Float64Array(sizeOf(outShape)).fill(start);
  const from = strides(x.shape);
  const to = strides(x.shape.map((d, i) => (axes.includes(i) ? 1 : d)));
  for (let i = 0; i < x.data.length; i++) {
    let rest = i;
    let target = 0;
    for (let d = 0; d < x.shape.length; d++) {
      const k = Math.floor(rest / from[d]);
      rest -= k * from[d];
      if (!axes.includes(d)) target += k * to[d];
    }
    y[target] = combine(y[target], x.data[i]);
  }
  return y;
}
