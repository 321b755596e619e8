/** The learning-rate range test (Smith, arXiv 1506.01186): the rate grows until the loss does. */
import type { Trial } from "./trial.js";

export interface RatePoint {
  readonly lr: number;
  readonly loss: number;
  /** The loss as a moving average, corrected for its beginning at zero. */
  readonly smoothed: number;
}

export interface RangeOptions {
  readonly from: number;
  readonly to: number;
  /** Steps over which the rate grows from one to the other, by the same factor each. */
  readonly steps: number;
  readonly onPoint?: (point: RatePoint, number: number) => void;
}

export interface RangeTest {
  readonly points: readonly RatePoint[];
  /** Whether it ended early because the loss had run away. */
  readonly diverged: boolean;
  /** Where the loss falls fastest; undefined where it falls nowhere. */
  readonly suggestion?: number;
}

/** Weight of the past in the moving average. */
const inertia = 0.9;
/** The loss has run away when the average is so many times its lowest. */
const runaway = 2;
/** Steps before an end is thought of: averages of few losses are noise. */
const leastSteps = 10;

/** Trains from the first step on at growing rates; what it does to the weights is gone with the trial. */
export async function rateRangeTest(trial: Trial, { from, to, steps, onPoint }: RangeOptions): Promise<RangeTest> {
  const rate = (step: number) => from * (to / from) ** ((step - 1) / Math.max(1, steps - 1));
  const points: RatePoint[] = [];
  let [average, lowest, diverged] = [0, Number.POSITIVE_INFINITY, false];
  for await (const { loss, gradientNorm } of trial.steps(rate)) {
    const number = points.length + 1;
    diverged = !Number.isFinite(loss) || !Number.isFinite(gradientNorm);
    if (diverged) break;
    average = inertia * average + (1 - inertia) * loss;
    const smoothed = average / (1 - inertia ** number);
    const point = { lr: rate(number), loss, smoothed };
    points.push(point);
    onPoint?.(point, number);
    lowest = Math.min(lowest, smoothed);
    diverged = number > leastSteps && smoothed > runaway * lowest;
    if (diverged || number === steps) break;
  }
  return { points, diverged, suggestion: steepestDescent(points) };
}

/**
 * The rate where the smoothed loss falls fastest over the logarithm of the rate, before it is lowest. The slope at a
 * point is that of a line fitted to its neighbourhood, a fifth of all points.
 */
export function steepestDescent(points: readonly RatePoint[]): number | undefined {
  const losses = points.map((p) => p.smoothed);
  const lowest = losses.indexOf(Math.min(...losses));
  const reach = Math.max(2, Math.round(points.length / 10));
  let best: { lr: number; slope: number } | undefined;
  for (let i = reach; i <= lowest && i + reach < points.length; i++) {
    const slope = slopeOf(points.slice(i - reach, i + reach + 1));
    if (slope < (best?.slope ?? 0)) best = { lr: points[i].lr, slope };
  }
  return best?.lr;
}

/** Least squares of the smoothed loss over log rate. */
function slopeOf(points: readonly RatePoint[]): number {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const xs = points.map((p) => Math.log(p.lr));
  const [x, y] = [mean(xs), mean(points.map((p) => p.smoothed))];
  const along = points.reduce((sum, p, i) => sum + (xs[i] - x) * (p.smoothed - y), 0);
  return along / xs.reduce((sum, v) => sum + (v - x) ** 2, 0);
}
