import { describe, expect, it } from "vitest";
import { fastest, laneSpeeds } from "./lanes.js";

/** Which numbers are measured of these speeds by lanes, and which is chosen, for runs of 1,000 images. */
async function search(speeds: Readonly<Record<number, number>>, most: number, runs = 1000) {
  const measure = async (lanes: number) =>
    lanes in speeds ? { imagesPerSecond: speeds[lanes], imagesOfRun: 1000 } : undefined;
  const measured = await laneSpeeds({ most, runs, measure });
  return [measured.map(({ lanes }) => lanes), fastest(measured)];
}

describe("the number of runs at once", () => {
  it("is the last doubling that was worth its lanes, up to the most", async () => {
    expect(await search({ 1: 100, 2: 180, 4: 300, 6: 400 }, 6)).toEqual([[1, 2, 4, 6], 6]);
    expect(await search({ 1: 100, 2: 180, 4: 185, 8: 900 }, 8)).toEqual([[1, 2, 4], 2]);
    expect(await search({ 1: 100, 2: 105 }, 2)).toEqual([[1, 2], 1]);
  });
  it("is 1 where no more may run, or nothing can be measured", async () => {
    expect(await search({ 1: 100, 2: 180 }, 1)).toEqual([[], 1]);
    expect(await search({ 1: 10, 2: 18 }, 2, 1)).toEqual([[], 1]);
    expect(await search({ 1: 100, 4: 900 }, 4)).toEqual([[1], 1]); // two do not fit into memory
    expect(await search({}, 4)).toEqual([[], 1]);
  });
  it("is measured no further once little is left to do", async () => {
    expect(await search({ 1: 100, 2: 200 }, 2, 2)).toEqual([[1], 1]);
    expect(await search({ 1: 100, 2: 200 }, 2, 4)).toEqual([[1, 2], 2]);
  });
});
