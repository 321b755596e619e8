import { describe, expect, it } from "vitest";
import { classShares, epochLength, epochOrder, type Sampling, viewAt } from "./order.js";

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
        expect(drawn(sampling, epoch)).toEqual({ samples, earlier, repeats: 1 });
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
  describe("of several passes", () => {
    const passes = (count: number, more: object = {}) =>
      epochOrder({ dataset, order: "shuffled", passes: count, seed: 7, ...more }, 3);
    it("has each pass in an order of its own, the first as in an epoch of one", () => {
      const { samples } = passes(3);
      const each = [0, 1, 2].map((pass) => samples.subarray(100 * pass, 100 * (pass + 1)));
      expect(each[0]).toEqual(drawn("all", 3).samples);
      for (const pass of each) expect([...pass].sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
      expect(each[1]).not.toEqual(each[0]);
      expect(each[2]).not.toEqual(each[1]);
    });
    it("ends within a pass for a part of one", () => {
      const { samples } = passes(1.15);
      expect(samples).toEqual(passes(2).samples.subarray(0, 115));
      expect(epochLength({ dataset, passes: 1.15 })).toBe(115);
    });
    it("has as many views in multiples of 256 where they are repeated", () => {
      expect(epochLength({ dataset, passes: 2, repeats: 3 })).toBe(200);
      expect(epochLength({ dataset, passes: 3, repeats: 3 })).toBe(256);
      expect(epochLength({ dataset, passes: 3 })).toBe(300);
    });
    it.each([
      ["all", 1],
      ["all", 2],
      ["balanced", 2],
    ] as const)("has no view of a sample twice (%s, repeated %i times)", (sampling, repeats) => {
      const options = { dataset, passes: 3, repeats };
      const order = passes(3, { sampling, repeats });
      const views = Array.from({ length: epochLength(options) }, (_, place) => viewAt(order, place));
      expect(new Set(views.map(({ sample, view }) => `${sample} ${view}`)).size).toBe(views.length);
      for (const { view } of views) expect(view).toBeLessThan(views.length);
    });
    it("goes through them in the same order again where none is drawn", () => {
      const { samples, earlier } = passes(2, { order: "sequential" });
      expect([...samples]).toEqual([...labels.keys(), ...labels.keys()]);
      expect([...earlier!.subarray(99, 101)]).toEqual([0, 1]);
    });
  });
});
