import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { RandomStream } from "../../random/stream.js";
import { type Box, type RgbImage, wholeBox } from "./image.js";
import { type Interpolation, resize } from "./resize.js";

interface Case {
  readonly from: readonly [width: number, height: number];
  readonly to: readonly [width: number, height: number];
  readonly filter: Interpolation;
  readonly box: readonly [number, number, number, number] | null;
  readonly sha256: string;
}

// Created with Pillow 13.0.0 by generate.py, which has the same formula for the noise.
const file = new URL("../../../tests/fixtures/pictures/resized.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as readonly Case[];

const noise = (width: number, height: number): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, at) => (at * at * 13 + at * 40_503) % 65_521),
});

it("gives Pillow's bytes, whichever axis comes first", () => {
  const wrong = cases.filter(({ from, to: [width, height], filter, box, sha256 }) => {
    const result = resize(noise(...from), { width, height, interpolation: filter, box: box ?? undefined });
    return createHash("sha256").update(result.data).digest("hex") !== sha256;
  });
  const columnsFirst = cases.filter(({ from: [w, h], to: [W, H] }) => h > H && h - H > 2 * (w - W));
  expect(columnsFirst.length).toBeGreaterThan(20);
  expect(wrong).toEqual([]);
});

/** The expected result for `region`, `mirrored` and `upsideDown`, taken from the whole one. */
function taken(whole: RgbImage, region: Box, mirrored: boolean, upsideDown: boolean): Uint8Array {
  const data = new Uint8Array(region.width * region.height * 3);
  for (let y = 0; y < region.height; y++) {
    for (let x = 0; x < region.width; x++) {
      const fromX = region.left + (mirrored ? region.width - 1 - x : x);
      const fromY = region.top + (upsideDown ? region.height - 1 - y : y);
      const from = (fromY * whole.width + fromX) * 3;
      data.set(whole.data.subarray(from, from + 3), (y * region.width + x) * 3);
    }
  }
  return data;
}

it.each([
  ["rows", 300, 200, 90, 100],
  ["columns", 100, 300, 90, 70],
  ["columns of an image larger than the kernels take at once", 700, 900, 690, 20],
])("gives parts of the result, flipped or not, %s first", (_, fromWidth, fromHeight, width, height) => {
  const image = noise(fromWidth, fromHeight);
  const s = new RandomStream({ seed: 6, purpose: "regions" });
  const whole = resize(image, { width, height, interpolation: "bicubic" });
  expect(wholeBox(whole)).toEqual({ left: 0, top: 0, width, height });
  for (const [mirrored, upsideDown] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ]) {
    const [left, top] = [s.integer(width), s.integer(height)];
    const region = { left, top, width: 1 + s.integer(width - left), height: 1 + s.integer(height - top) };
    const part = resize(image, { width, height, interpolation: "bicubic", region, mirrored, upsideDown });
    expect(Buffer.from(part.data).equals(taken(whole, region, mirrored, upsideDown))).toBe(true);
  }
});
