import { expect, it } from "vitest";
import { RandomStream } from "../../random/stream.js";
import { nativeBatches } from "./native-batches.js";

const stream = new RandomStream({ seed: 1, purpose: "test" });
const shapes = 7;

it.each([
  [0, 4],
  [3, 4],
  [61, 4],
  [100, 16],
  [1000, 32],
])("of %i images and batches of %i, drops less than a batch; or nothing, if it pads", (views, batchSize) => {
  const shapeOf = Uint8Array.from({ length: views }, () => stream.integer(shapes));
  const options = { views, shapes, batchSize };
  const kept = nativeBatches((place) => shapeOf[place], { ...options, pad: false });
  expect(kept.length).toBe(Math.floor(views / batchSize));
  expect(new Set(kept.flatMap(({ places }) => places)).size).toBe(kept.length * batchSize);
  for (const { shape, places } of kept) {
    expect(places.length).toBe(batchSize);
    // Those of another shape have come from a longer one of the same direction, or from the last ones of all.
    for (const place of places) expect(shapeOf[place]).toBeGreaterThanOrEqual(shape);
  }
  const all = nativeBatches((place) => shapeOf[place], { ...options, pad: true });
  expect(all.flatMap(({ places }) => places).sort((a, b) => a - b)).toEqual(Array.from({ length: views }, (_, i) => i));
  for (const { shape, places } of all) for (const place of places) expect(shapeOf[place]).toBe(shape);
  expect(all.length).toBeLessThanOrEqual(Math.floor(views / batchSize) + shapes);
});

it("passes what is over to the next shape towards the square, of the same direction", () => {
  // Of each of the shapes 3 to 6 one more than a batch of 2.
  const shapeOf = [3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6];
  const batches = nativeBatches((place) => shapeOf[place], { views: 12, shapes, batchSize: 2, pad: false });
  expect(batches.map(({ shape, places }) => [shape, ...places])).toEqual([
    ...[
      [3, 0, 1],
      [4, 3, 4],
      [5, 6, 7],
      [6, 9, 10],
    ],
    ...[
      [4, 5, 11],
      [3, 2, 8],
    ],
  ]);
});
