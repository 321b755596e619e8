import { expect, it } from "vitest";
import type { ImageSize } from "../geometry/image-size.js";
import { bySize } from "./seen-image.js";

it("runs images of one size together, in powers of two, and answers in their order", async () => {
  const sizes: readonly ImageSize[] = [8, [6, 10], 8, 8, [6, 10], 8, 8, [10, 6], 8, 8];
  const ran: [number, ImageSize][] = [];
  const run = async (pixels: readonly Uint8Array[], size: ImageSize) => {
    ran.push([pixels.length, size]);
    return pixels.map(([first]) => `${first} ${size}`);
  };
  const images = sizes.map((size, i) => ({ pixels: Uint8Array.of(i), size }));
  expect(await bySize(images, run)).toEqual(sizes.map((size, i) => `${i} ${size}`));
  expect(ran).toEqual([
    [4, 8],
    [2, 8],
    [1, 8],
    [2, [6, 10]],
    [1, [10, 6]],
  ]);
  ran.length = 0;
  await bySize(images.slice(2, 4).concat(images[0]), run);
  expect(ran).toEqual([[3, 8]]); // as the batch was
});
