import { expect, it } from "vitest";
import { type RatePoint, rateRangeTest, steepestDescent } from "./lr-range.js";
import type { Trial, TrialStep } from "./trial.js";

/** A trial whose loss is a function of the rate. */
const trialOf = (loss: (lr: number) => number): Trial =>
  ({
    async *steps(rate: (step: number) => number): AsyncGenerator<TrialStep, void> {
      for (let step = 1; ; step++) yield { loss: loss(rate(step)), gradientNorm: 1 };
    },
  }) as unknown as Trial;

/** Falls by a logistic step around 10⁻³ over the logarithm of the rate, and explodes beyond 0.1. */
const typical = (lr: number) => 1 + 1 / (1 + Math.exp(2 * (Math.log(lr) - Math.log(1e-3)))) + (lr > 0.1 ? 1e3 * lr : 0);

it("finds the steepest descent of a known curve", () => {
  const points: RatePoint[] = Array.from({ length: 101 }, (_, i) => {
    const lr = 10 ** (-6 + (5 * i) / 100);
    return { lr, loss: typical(lr), smoothed: typical(lr) };
  });
  expect(Math.log10(steepestDescent(points)!)).toBeCloseTo(-3, 1);
});

it("raises the rate by the same factor from end to end, smooths, and stops when the loss runs away", async () => {
  const { points, diverged, suggestion } = await rateRangeTest(trialOf(typical), { from: 1e-6, to: 1, steps: 121 });
  expect(diverged).toBe(true);
  expect(points.at(-1)!.lr).toBeGreaterThan(0.1);
  expect(points.at(-1)!.lr).toBeLessThan(0.2);
  const factor = 10 ** (6 / 120);
  points.slice(1).forEach((p, i) => {
    expect(p.lr / points[i].lr).toBeCloseTo(factor, 9);
  });
  expect(points[0].smoothed).toBeCloseTo(points[0].loss, 9);
  // The moving average lags a few steps behind the loss.
  expect(Math.log10(suggestion!)).toBeGreaterThan(-3.05);
  expect(Math.log10(suggestion!)).toBeLessThan(-2.3);
});

it("ends before a loss that is not a number, and suggests nothing where nothing falls", async () => {
  const broken = await rateRangeTest(
    trialOf((lr) => (lr > 1e-4 ? Number.NaN : 1)),
    { from: 1e-6, to: 1, steps: 61 },
  );
  expect(broken.diverged).toBe(true);
  expect(broken.points.every((p) => Number.isFinite(p.loss) && p.lr <= 1e-4 * (1 + 1e-9))).toBe(true);
  const rising = await rateRangeTest(
    trialOf((lr) => 1 + lr),
    { from: 1e-6, to: 1, steps: 60 },
  );
  expect([rising.diverged, rising.suggestion, rising.points.length]).toEqual([false, undefined, 60]);
});

/** Deterministic noise from -1 to 1. */
const noise = (step: number): number => (Math.imul(step + 1, 2654435761) >>> 0) / 2 ** 31 - 1;

it.each([
  ["no fall", (_: number, n: number) => 2.1 + 0.1 * n, false],
  ["a fall within the noise", (t: number, n: number) => 2.1 - 0.03 * t + 0.1 * n, false],
  [
    "a fall of three times the noise",
    (t: number, n: number) => 2.1 - 0.3 / (1 + Math.exp(12 * (0.5 - t))) + 0.1 * n,
    true,
  ],
  ["a clear fall", (t: number, n: number) => 2.1 - 1 / (1 + Math.exp(20 * (0.5 - t))) + 0.1 * n, true],
])("tells a fall from the scatter of the losses: %s", async (_, loss, told) => {
  let step = 0;
  const trial = trialOf(() => {
    step++;
    return loss(step / 100, noise(step));
  });
  const { suggestion } = await rateRangeTest(trial, { from: 1e-6, to: 1, steps: 100 });
  expect(suggestion !== undefined).toBe(told);
});

it("gives no warning for so few steps that their scatter is unknown", async () => {
  const { suggestion } = await rateRangeTest(
    trialOf((lr) => 2 - lr * 0.01),
    { from: 1e-6, to: 1, steps: 8 },
  );
  expect(suggestion).toBeUndefined();
});
