/** The learning-rate range test (Smith, arXiv 1506.01186): the rate increases until the loss does. */
import type { Trial } from "./trial.js";

export interface RatePoint {
  readonly lr: number;
  readonly loss: number;
  /** Moving average of the loss, with bias correction. */
  readonly smoothed: number;
}

export interface RangeOptions {
  readonly from: number;
  readonly to: number;
  /** Steps over which the rate grows exponentially from `from` to `to`. */
  readonly steps: number;
  readonly onPoint?: (point: RatePoint, number: number) => void;
}

export interface RangeTest {
  readonly points: readonly RatePoint[];
  /** Whether it ended early because the loss diverged. */
  readonly diverged: boolean;
  /** Where the loss falls fastest; undefined if it never falls by more than its scatter. */
  readonly suggestion?: number;
}

/** Weight of the past in the moving average. */
const inertia = 0.9;
/** The loss has diverged when the average is this many times its minimum. */
const runaway = 2;
/** Steps before it may end early: averages of few losses are noisy. */
const leastSteps = 10;

/** Trains at increasing rates from the first step; its changes to the weights are discarded with the trial. */
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

/** Shares of all points on either side of one from which its slope is computed: wider if the losses scatter more. */
const reaches = [0.1, 0.2, 0.3];
/** Points needed on either side to estimate the scatter. */
const leastReach = 4;

/**
 * The rate where the loss falls fastest over the logarithm of the rate, before its average is lowest; undefined if it
 * never falls by more than its scatter explains. The slope at a point is that of a line fitted to the losses around it.
 */
export function steepestDescent(points: readonly RatePoint[]): number | undefined {
  for (const share of reaches) {
    const found = steepestWithin(points, Math.max(leastReach, Math.round(share * points.length)));
    if (found !== undefined) return found;
  }
  return undefined;
}

function steepestWithin(points: readonly RatePoint[], reach: number): number | undefined {
  const averages = points.map((p) => p.smoothed);
  const lowest = averages.indexOf(Math.min(...averages));
  let best: { lr: number; slope: number } | undefined;
  for (let i = reach; i <= lowest && i + reach < points.length; i++) {
    const { slope, error } = lineThrough(points.slice(i - reach, i + reach + 1));
    const beyondChance = -slope > sureness(2 * reach - 1) * error;
    if (beyondChance && slope < (best?.slope ?? 0)) best = { lr: points[i].lr, slope };
  }
  return best?.lr;
}

/** Standard errors that a slope must exceed: with about a dozen windows, two would occur by chance. */
const sureness = (freedom: number): number => 4 * (1 + 4 / freedom);

/** Least squares of the losses over the logarithm of the rate, and the standard error of the slope. */
function lineThrough(points: readonly RatePoint[]): { readonly slope: number; readonly error: number } {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const xs = points.map((p) => Math.log(p.lr));
  const [x, y] = [mean(xs), mean(points.map((p) => p.loss))];
  const spread = xs.reduce((sum, v) => sum + (v - x) ** 2, 0);
  const slope = points.reduce((sum, p, i) => sum + (xs[i] - x) * (p.loss - y), 0) / spread;
  const left = points.reduce((sum, p, i) => sum + (p.loss - y - slope * (xs[i] - x)) ** 2, 0);
  return { slope, error: Math.sqrt(left / (points.length - 2) / spread) };
}

/** Median distance of the losses from their moving average, before the loss diverges. */
export function scatterOf(points: readonly RatePoint[]): number {
  const off = points.slice(leastSteps).map((p) => Math.abs(p.loss - p.smoothed));
  return off.sort((a, b) => a - b)[off.length >> 1] ?? 0;
}
