/** Batches of images in their native aspect ratio. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  applyTransform,
  createLoader,
  type Dataset,
  decodeImage,
  type EvaluationTransform,
  type LoaderOptions,
  type Transform,
} from "deit";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ImageSize, pixelCount } from "../../src/geometry/image-size.js";
import { nativeSizes, nearestSize } from "../../src/geometry/native-sizes.js";

const sizes = nativeSizes(32, 4);
const shapes: readonly (readonly [width: number, height: number])[] = [
  [60, 40],
  [40, 60],
  [50, 50],
  [64, 48],
  [90, 40],
  [33, 70],
];
const endings = ["jpg", "png", "webp"] as const;
const count = 53;
let folder: string;
let dataset: Dataset;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "native-"));
  const path = (i: number) => join(folder, `${i}.${endings[i % endings.length]}`);
  for (let i = 0; i < count; i++) {
    const [width, height] = shapes[i % shapes.length];
    // Every fourth photo lies on its side.
    const image = sharp({ create: { width, height, channels: 3, background: { r: 4 * i, g: 9, b: 200 } } });
    await image.withMetadata({ orientation: i % 4 === 0 ? 6 : 1 }).toFile(path(i));
  }
  dataset = {
    ...{ name: "photos", classes: ["a", "b"], length: count, label: (i) => i % 2 },
    ...{ source: (i) => ({ kind: "file", path: path(i) }), describe: path, key: String },
  };
});
afterAll(() => rm(folder, { recursive: true }));

const evaluation: EvaluationTransform = {
  ...{ kind: "evaluation", size: 32, nativeSizes: sizes, cropMode: "native", cropRatio: 1, interpolation: "bicubic" },
};
const training: Transform = {
  ...{ kind: "training", size: 32, nativeSizes: sizes, cropMode: "native", interpolation: "random", crop: "resized" },
  ...{ scale: [0.3, 1], ratio: [3 / 4, 4 / 3], flip: 0.5 },
};
const common = { batchSize: 4, seed: 3, workers: 0 } as const;

async function read(
  options: Pick<LoaderOptions, "transform" | "order" | "dropLast"> & Partial<LoaderOptions>,
  from = 0,
) {
  const loader = createLoader({ dataset, ...common, ...options });
  const batches: {
    step: number;
    size: ImageSize;
    indices: number[];
    views: number[];
    images: string;
    count: number;
  }[] = [];
  for await (const { step, size, indices, views, images, count } of loader.epoch(1, from))
    batches.push({
      step,
      size,
      indices: [...indices],
      views: [...views],
      images: Buffer.from(images).toString("hex"),
      count,
    });
  await loader.close();
  return { batches, steps: loader.stepsPerEpoch };
}

it.each(["ignore", "apply"] as const)("evaluation with EXIF %s has every image once, as it is alone", async (exif) => {
  const { batches } = await read({ transform: evaluation, order: "sequential", dropLast: false, exif });
  const seen = batches.flatMap(({ indices, count }) => indices.slice(0, count));
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
  for (const { size, indices, images, count: filled } of batches) {
    expect(images.length / 2).toBe(4 * pixelCount(size) * 3);
    for (const [slot, index] of indices.slice(0, filled).entries()) {
      const image = await decodeImage(await readFile(dataset.describe(index)), { name: "a", exif });
      expect(size).toEqual(sizes[nearestSize(image, sizes)]);
      const alone = Buffer.from(applyTransform(image, evaluation)).toString("hex");
      expect(images.slice(slot * alone.length, (slot + 1) * alone.length)).toBe(alone);
    }
  }
});

it.each([1, 3])(
  "training with %i views of each has as many batches as of squares, whatever the workers",
  async (repeats) => {
    const options = { transform: training, order: "shuffled", dropLast: true, repeats } as const;
    const { batches, steps } = await read(options);
    expect(batches.length).toBe(Math.floor(count / 4));
    expect(steps).toBe(batches.length);
    expect(new Set(batches.map(({ size }) => String(size))).size).toBeGreaterThan(2);
    const views = batches.flatMap(({ indices, views }) => indices.map((index, slot) => `${index} ${views[slot]}`));
    expect(new Set(views).size).toBe(views.length);
    expect((await read({ ...options, workers: 2 })).batches).toEqual(batches);
    // A run that goes on in the middle of an epoch, and each process of two.
    expect((await read(options, 5)).batches).toEqual(batches.slice(5));
    const shares = await Promise.all([0, 1].map((index) => read({ ...options, process: { index, count: 2 } })));
    expect(batches.map(({ images }) => images)).toEqual(
      batches.map((_, step) => shares.map(({ batches }) => batches[step].images).join("")),
    );
  },
);

it("keeps the rare shapes from coming last in every epoch", async () => {
  const { batches } = await read({ transform: training, order: "shuffled", dropLast: true });
  const { batches: other } = await read({ transform: training, order: "shuffled", dropLast: true, seed: 4 });
  expect(batches.map(({ size }) => String(size))).not.toEqual(other.map(({ size }) => String(size)));
});
