import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { probabilitiesOf } from "./predictions.js";
import { averagePrecision, SeveralAccuracy } from "./several-labels.js";

/** scikit-learn and PyTorch in double precision; tests/fixtures/evaluation/generate_several_labels.py. */
const known = JSON.parse(
  readFileSync(new URL("../../tests/fixtures/evaluation/several-labels.json", import.meta.url), "utf8"),
) as Record<"logits" | "targets", number[][]> & Record<"map" | "bce", number> & { averagePrecisions: number[] };

it("is scikit-learn's average precision of each class and its mean, and PyTorch's binary cross entropy", () => {
  const accuracy = new SeveralAccuracy(5);
  const rows = (from: number, to: number, of: "logits" | "targets") =>
    Float32Array.from(known[of].slice(from, to).flat());
  accuracy.add(rows(0, 12, "logits"), rows(0, 12, "targets"), 12);
  accuracy.add(rows(12, 30, "logits"), rows(12, 30, "targets"), 18);
  const result = accuracy.result();
  for (const [c, one] of known.averagePrecisions.entries())
    expect(result.averagePrecisions[c]).toBeCloseTo(100 * one, 10);
  expect(result.averagePrecisions[4]).toBeUndefined();
  expect(result.map).toBeCloseTo(100 * known.map, 10);
  expect(result.loss).toBeCloseTo(known.bce, 6); // logits of a tenth in float32
  expect(result.images).toBe(30);
});

it("counts an image as right whose most likely class is any of its own", () => {
  const accuracy = new SeveralAccuracy(3);
  accuracy.add(Float32Array.of(1, 2, 3, 3, 2, 1), Float32Array.of(1, 0, 1, 0, 1, 1), 2);
  expect(accuracy.result()).toMatchObject({ top1: 50, top5: 100 });
});

it("does not depend on the order of equal scores", () => {
  expect(averagePrecision([1, 1, 1], [1, 0, 0])).toBeCloseTo(1 / 3, 12);
  expect(averagePrecision([1, 1, 1], [0, 0, 1])).toBeCloseTo(1 / 3, 12);
  expect(averagePrecision([2, 1], [0, 0])).toBeUndefined();
});

it("gives sigmoids, which need not sum to 1", () => {
  const [a, b] = probabilitiesOf(Float32Array.of(0, Math.log(3)), true);
  expect([a, b]).toEqual([0.5, expect.closeTo(0.75, 6)]);
});
