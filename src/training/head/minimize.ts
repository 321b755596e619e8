/** Minimising a smooth function by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.5). */

export interface Evaluated {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface Minimum extends Evaluated {
  readonly at: Float64Array;
  readonly iterations: number;
}

export interface MinimizeOptions {
  readonly iterations?: number;
  /** Stops when no entry of the gradient is larger. */
  readonly gradientTolerance?: number;
  /** Stops when an iteration lowers the value by no more than this fraction. */
  readonly valueTolerance?: number;
}

/** Pairs of steps and gradient changes that approximate the curvature. */
const memory = 10;
/** A step must lower the value by this fraction of what the slope predicts. */
const sufficient = 1e-4;
const mostHalvings = 30;

/** The minimum of a convex function, starting at `start`, up to the tolerances and the function's precision. */
export async function minimize(
  f: (x: Float64Array) => Promise<Evaluated>,
  start: Float64Array,
  { iterations = 200, gradientTolerance = 1e-6, valueTolerance = 1e-7 }: MinimizeOptions = {},
): Promise<Minimum> {
  let [at, here] = [start, await f(start)];
  const pairs: { readonly step: Float64Array; readonly change: Float64Array; readonly curvature: number }[] = [];
  for (let done = 0; done < iterations; done++) {
    const slope = (d: Float64Array) => dot(here.gradient, d);
    if (largest(here.gradient) <= gradientTolerance) return { at, ...here, iterations: done };
    let direction = descent(here.gradient, pairs);
    if (slope(direction) >= 0) {
      pairs.length = 0;
      direction = descent(here.gradient, pairs);
    }
    // Without curvature information the first step has at most unit length.
    let length = pairs.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(dot(here.gradient, here.gradient)));
    let next = along(at, direction, length);
    let there = await f(next);
    for (let halving = 0; !(there.value <= here.value + sufficient * length * slope(direction)); halving++) {
      if (halving === mostHalvings) return { at, ...here, iterations: done }; // as low as its precision allows
      length /= 2;
      next = along(at, direction, length);
      there = await f(next);
    }
    const step = difference(next, at);
    const change = difference(there.gradient, here.gradient);
    const curvature = dot(step, change);
    if (curvature > 1e-10 * dot(change, change)) pairs.push({ step, change, curvature });
    if (pairs.length > memory) pairs.shift();
    const gain = here.value - there.value;
    [at, here] = [next, there];
    if (gain <= valueTolerance * Math.abs(here.value)) return { at, ...here, iterations: done + 1 };
  }
  return { at, ...here, iterations };
}

type Pairs = readonly { readonly step: Float64Array; readonly change: Float64Array; readonly curvature: number }[];

/** Minus the inverse curvature times the gradient, by the two loops over the pairs. */
function descent(gradient: Float64Array, pairs: Pairs): Float64Array {
  const q = gradient.map((g) => -g);
  const newest = pairs.at(-1);
  if (!newest) return q;
  const alphas = pairs.toReversed().map(({ step, change, curvature }) => {
    const alpha = dot(step, q) / curvature;
    addTo(q, change, -alpha);
    return alpha;
  });
  const scale = newest.curvature / dot(newest.change, newest.change);
  for (let i = 0; i < q.length; i++) q[i] *= scale;
  for (const [i, { step, change, curvature }] of pairs.entries())
    addTo(q, step, alphas[pairs.length - 1 - i] - dot(change, q) / curvature);
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

const largest = (a: Float64Array): number => a.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
const along = (x: Float64Array, d: Float64Array, length: number): Float64Array => x.map((v, i) => v + length * d[i]);
const difference = (a: Float64Array, b: Float64Array): Float64Array => a.map((v, i) => v - b[i]);

function addTo(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i] += factor * b[i];
}
