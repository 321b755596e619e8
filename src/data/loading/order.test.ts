import { describe, expect, it } from "vitest";
import { classShares, epochOrder, type Sampling } from "./order.js";

const sizes = [90, 0, 9, 1];
const labels = sizes.flatMap((n, c) => new Array<number>(n).fill(c));
const dataset = { length: labels.length, classes: sizes.map(String), label: (i: number) => labels[i] };
const drawn = (sampling: Sampling, epoch: number, more: object = {}) =>
  epochOrder({ dataset: { ...dataset, ...more }, order: "shuffled", sampling, seed: 7 }, epoch);
const counts = (values: Iterable<number>, length: number) => {
  const found = new Array<number>(length).fill(0);
  for (const v of values) found[v]++;
  return found;
};

describe("the order of an epoch", () => {
  it("has shares of equal numbers or of square roots, none for a class without images", () => {
    expect(classShares([90, 0, 9, 1], "balanced")).toEqual([1 / 3, 0, 1 / 3, 1 / 3]);
    expect(classShares([16, 0, 9, 1], "squareRoot")).toEqual([4 / 8, 0, 3 / 8, 1 / 8]);
  });
  it.each(["balanced", "squareRoot"] as const)(
    "%s has each class at its share, its images equally often",
    (sampling) => {
      const shares = classShares(sizes, sampling);
      for (let epoch = 0; epoch < 5; epoch++) {
        const { samples, earlier } = drawn(sampling, epoch);
        expect(samples.length).toBe(100);
        const each = counts(samples, 100);
        for (const [c, share] of shares.entries()) {
          const own = each.filter((_, i) => labels[i] === c);
          expect(Math.abs(own.reduce((a, b) => a + b, 0) - 100 * share)).toBeLessThan(1 + 1e-9);
          if (own.length > 0) expect(Math.max(...own) - Math.min(...own)).toBeLessThanOrEqual(1);
        }
        // A sample that is there again has another view.
        expect(new Set([...samples].map((s, i) => `${s} ${earlier![i]}`)).size).toBe(100);
        expect(drawn(sampling, epoch)).toEqual({ samples, earlier });
      }
      expect(drawn(sampling, 0).samples).not.toEqual(drawn(sampling, 1).samples);
    },
  );
  it("needs the pieces of a dataset one after the other", () => {
    const of = (i: number) => i % 4;
    const { samples } = drawn("balanced", 0, { pieces: { of } });
    expect(counts(samples, 100)).toEqual(counts(drawn("balanced", 0).samples, 100));
  });
  it("has all samples once without sampling", () => {
    const { samples, earlier } = drawn("all", 3);
    expect([...samples].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
    expect(earlier).toBeUndefined();
  });
});
