import { describe, expect, it } from "vitest";
import { countsOf } from "./class-balance.js";
import { type Dataset, keysOf } from "./dataset.js";
import { fewerImages } from "./fewer.js";

/** 300 images of a, 90 of b, 10 of c, none of d. */
const keys = Array.from({ length: 400 }, (_, i) => `${i < 300 ? "a" : i < 390 ? "b" : "c"}/${i}.jpg`);
const named = (names: readonly string[]): Dataset => ({
  name: "photos",
  classes: ["a", "b", "c", "d"],
  length: names.length,
  label: (i) => ["a", "b", "c"].indexOf(names[i][0]),
  source: (i) => ({ kind: "file", path: names[i] }),
  describe: (i) => names[i],
  key: (i) => names[i],
});
const chosen = (count: number, names = keys) => keysOf(fewerImages(named(names), count));

describe("some of the images", () => {
  it.each([
    [40, [30, 9, 1, 0]],
    [200, [150, 45, 5, 0]],
    [400, [300, 90, 10, 0]],
    [3, [1, 1, 1, 0]],
  ])("%i keep the proportions of the classes, and at least one image of each", (count, sizes) => {
    const counts = countsOf(fewerImages(named(keys), count));
    // Counts are rounded, and a first image of a small class takes the place of another.
    for (const [c, size] of sizes.entries()) expect(Math.abs(counts[c] - size)).toBeLessThanOrEqual(1);
    expect(counts.slice(0, 3)).not.toContain(0);
  });

  it("are among those of any larger number", () => {
    let larger = new Set(keys);
    for (let count = keys.length; count >= 3; count -= 7) {
      const fewer = chosen(count);
      expect(new Set(fewer).size).toBe(count);
      expect(fewer.every((key) => larger.has(key))).toBe(true);
      larger = new Set(fewer);
    }
  });

  it("depend only on names, and stay in the order of the dataset", () => {
    const fewer = chosen(57);
    expect(fewer).toEqual(keys.filter((key) => fewer.includes(key)));
    expect(new Set(chosen(57, [...keys].reverse()))).toEqual(new Set(fewer));
  });

  it("have each label of images with several, and of images without any their share", () => {
    const labels = (i: number) => (i < 300 ? [0] : i < 390 ? [0, 1] : i < 398 ? [] : [0, 2]);
    const several: Dataset = { ...named(keys), labelsOf: labels };
    const counts = countsOf(fewerImages(several, 40));
    expect(counts[2]).toBeGreaterThanOrEqual(1);
    expect(Math.abs(counts[1] - 9)).toBeLessThanOrEqual(2);
    expect(countsOf(fewerImages(several, 3)).slice(0, 3)).not.toContain(0);
  });

  it("cannot be more than there are, nor fewer than classes", () => {
    expect(() => chosen(401)).toThrow('trainImages is 401, and "photos" has 400 images to train on');
    expect(() => chosen(2)).toThrow('"photos" has images of 3 classes; choose at least one for each');
  });
});
