import { expect, it } from "vitest";
import { classSizeWarnings } from "./class-sizes.js";

const data = (counts: readonly number[]) => {
  const labels = counts.flatMap((count, c) => Array<number>(count).fill(c));
  return { classes: ["ant", "bee", "cat"], length: labels.length, label: (i: number) => labels[i] };
};

it("reports classes that are not evaluated", () => {
  expect(classSizeWarnings(data([1, 4, 1]), data([0, 1, 0]))).toEqual([
    'Of the classes "ant", "cat" no image is measured, so the accuracy says nothing about them; a class needs two images or more for a share to be held out.',
  ]);
});

it("reports the accuracy of always predicting the largest of unequal classes", () => {
  expect(classSizeWarnings(data([5, 500, 50]), data([1, 100, 10]))).toEqual([
    'The classes are of very unequal size (5 to 500 images): always answering "bee" would be right for 90.1 % of the measured images, which is the baseline to beat.',
  ]);
});

it("gives no warning for classes of similar size, for a class without images, or if nothing is measured", () => {
  expect(classSizeWarnings(data([20, 30, 0]), data([5, 7, 0]))).toEqual([]);
  expect(classSizeWarnings(data([1, 500, 3]), undefined)).toEqual([]);
});
