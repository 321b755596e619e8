import { expect, it } from "vitest";
import { dealFolds } from "./folds.js";

/** 30 images of the class a, 12 of b, of which some are copies of each other. */
const classes = ["a", "b"];
const data = { classes, length: 42, label: (i: number) => (i < 30 ? 0 : 1) };
const distinct = Array.from({ length: 42 }, (_, i) => `${i}`);
const counts = (fold: Uint32Array, folds: number) =>
  Array.from({ length: folds }, (_, f) =>
    classes.map((_, c) => fold.filter((at, i) => at === f && data.label(i) === c).length),
  );

it("spreads every class evenly, each image in one fold", () => {
  expect(counts(dealFolds(data, 3, distinct), 3)).toEqual([
    [10, 4],
    [10, 4],
    [10, 4],
  ]);
  // 30 = 4 · 7 + 2 and 12 = 4 · 3: the sizes of the folds differ by one at most.
  const four = counts(dealFolds(data, 4, distinct), 4);
  expect(four.map(([a]) => a).sort()).toEqual([7, 7, 8, 8]);
  expect(four.map(([, b]) => b)).toEqual([3, 3, 3, 3]);
});

it("keeps copies together", () => {
  const groups = distinct.map((name, i) => (i < 10 ? "copy" : i === 31 || i === 41 ? "twins" : name));
  const fold = dealFolds(data, 3, groups);
  expect(new Set(fold.slice(0, 10)).size).toBe(1);
  expect(fold[31]).toBe(fold[41]);
  expect(counts(fold, 3).map(([a]) => a)).toEqual([10, 10, 10]);
});

it("is drawn by the seed", () => {
  expect(dealFolds(data, 3, distinct)).toEqual(dealFolds(data, 3, distinct));
  expect(dealFolds(data, 3, distinct, 1)).not.toEqual(dealFolds(data, 3, distinct));
});
