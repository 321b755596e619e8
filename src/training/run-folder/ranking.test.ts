import { expect, it } from "vitest";
import { beginning } from "./position.js";
import { evaluates, outOfPatience, ranked } from "./ranking.js";

it("evaluates every so many epochs, and after the last", () => {
  const epochs = Array.from({ length: 7 }, (_, i) => i + 1);
  expect(epochs.filter((epoch) => evaluates({ validateEvery: 3, epochs: 7 }, epoch))).toEqual([3, 6, 7]);
  expect(epochs.filter((epoch) => evaluates({ validateEvery: 1, epochs: 7 }, epoch))).toEqual(epochs);
  expect(epochs.filter((epoch) => evaluates({ validateEvery: 9, epochs: 7 }, epoch))).toEqual([7]);
});

const after = (accuracies: readonly number[], keepBest = 1) =>
  accuracies.reduce((position, top1, i) => ranked(position, { epoch: i + 1, score: top1, top1 }, keepBest), beginning);

it("counts the evaluations since the best, which an equal one is not", () => {
  expect(after([0])).toMatchObject({ bestTop1: 0, sinceBest: 0 });
  expect(after([10, 30, 20, 30])).toMatchObject({ bestTop1: 30, sinceBest: 2 });
  expect(after([10, 30, 20, 31])).toMatchObject({ bestTop1: 31, sinceBest: 0 });
});

it("keeps the best epochs, of equal ones the earlier", () => {
  expect(after([10, 30, 20, 30, 40], 3).kept).toEqual([
    { epoch: 5, score: 40 },
    { epoch: 2, score: 30 },
    { epoch: 4, score: 30 },
  ]);
  expect(after([10, 30], 3).kept.map(({ epoch }) => epoch)).toEqual([2, 1]);
  expect(after([10, 30]).kept).toEqual([]);
});

it("runs out of patience before the last epoch only", () => {
  const stops = (sinceBest: number, epoch: number, patience?: number) =>
    outOfPatience({ patience, epochs: 9 }, { ...beginning, sinceBest, epoch });
  expect(stops(2, 5, 2)).toBe(true);
  expect(stops(1, 5, 2)).toBe(false);
  expect(stops(8, 8)).toBe(false);
  expect(stops(2, 9, 2)).toBe(false);
});
