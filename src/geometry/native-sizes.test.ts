import { expect, it } from "vitest";
import { heightAndWidth, type ImageSize } from "./image-size.js";
import { nativeSizes, nearestSize } from "./native-sizes.js";

const grids = (size: ImageSize, multiple: number) =>
  nativeSizes(size, multiple).map((one) => heightAndWidth(one).map((side) => side / multiple));

it("gives 224 pixels in patches of 16 seven grids", () => {
  expect(grids(224, 16)).toEqual([
    ...[14, 12, 16, 11, 17, 10, 19].map((rows, i) => [rows, [14, 16, 12, 17, 11, 19, 10][i]]),
  ]);
});

it.each([
  [224, 16],
  [384, 16],
  [224, 14],
  [224, 32],
  [32, 4],
  [64, 8],
  [96, 16],
  [300, 32],
  [[160, 224], 16],
] as const)(
  "of %s in patches of %s has no more patches, few fewer, and each shape in both directions",
  (size, multiple) => {
    const [height, width] = heightAndWidth(size);
    const most = Math.floor(height / multiple) * Math.floor(width / multiple);
    const found = grids(size, multiple);
    const shortest = Math.min(...found.flat());
    expect(found.length).toBeGreaterThanOrEqual(3);
    expect(found.length).toBeLessThanOrEqual(7);
    expect(new Set(found.map(String)).size).toBe(found.length);
    for (const [rows, columns] of found) {
      expect(rows * columns).toBeLessThanOrEqual(most);
      // One row or column more would be too many, but for the square of a size that is none.
      if (rows !== columns) expect(rows * columns).toBeGreaterThan(most - Math.max(rows, columns));
      expect(found).toContainEqual([columns, rows]);
      expect(Math.max(rows, columns) / Math.min(rows, columns)).toBeLessThanOrEqual(2.5);
    }
    expect(shortest).toBeGreaterThan(0);
  },
);

it("chooses the nearest shape, whatever the size of the image, and the upright one for the upright image", () => {
  const sizes = nativeSizes(224, 16);
  const chosen = (width: number, height: number) => heightAndWidth(sizes[nearestSize({ width, height }, sizes)]);
  expect(chosen(640, 480)).toEqual([192, 256]);
  expect(chosen(4000, 3000)).toEqual([192, 256]);
  expect(chosen(480, 640)).toEqual([256, 192]);
  expect(chosen(600, 400)).toEqual([176, 272]);
  expect(chosen(1920, 1080)).toEqual([160, 304]);
  expect(chosen(5000, 100)).toEqual([160, 304]);
  expect(chosen(1, 1)).toEqual([224, 224]);
  for (let width = 50; width < 400; width += 7) {
    const [height, across] = chosen(width, 150);
    expect(chosen(150, width)).toEqual([across, height]);
  }
});

it("has only the square where an image has too few patches", () => {
  expect(nativeSizes(32, 16)).toEqual([32]);
  expect(nativeSizes(16, 32)).toEqual([16]);
});
