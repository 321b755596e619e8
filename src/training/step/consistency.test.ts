/** Consistency of predictions against timm's JsdCrossEntropy (tests/fixtures/training/generate_jsd.py), in double precision. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { imagenetNormalization } from "../../models/model.js";
import { RandomStream } from "../../random/stream.js";
import { add, evaluate, gradient, input, mul, type Tensor } from "../../tensor/index.js";
import { eraseInputs } from "./batch/erasing.js";
import { batchImages, batchInputs, drawFor } from "./batch/index.js";
import { consistencyOf, firstPictures, jensenShannon } from "./consistency.js";
import { crossEntropy } from "./losses/cross-entropy.js";
import { smoothedTargets } from "./losses/targets.js";

interface Reference {
  readonly images: number;
  readonly classes: number;
  readonly cases: readonly {
    readonly splits: number;
    readonly smoothing: number;
    readonly alpha: number;
    readonly labels: readonly number[];
    readonly logits: readonly number[];
    readonly loss: number;
    readonly gradient: readonly number[];
  }[];
}

const { images, classes, cases } = JSON.parse(
  readFileSync(new URL("../../../tests/fixtures/training/jsd.json", import.meta.url), "utf8"),
) as Reference;

/** From timm's order, all first pictures before all second ones, to ours, the pictures of each image together. */
const together = (values: readonly number[], splits: number): number[] =>
  Array.from({ length: images * splits }, (_, row) => {
    const [image, picture] = [Math.floor(row / splits), row % splits];
    const at = (picture * images + image) * classes;
    return values.slice(at, at + classes);
  }).flat();

const logitsOf = (splits: number) => input("logits", "float32", [images * splits, classes]);
const value = (t: Tensor, values: ReadonlyMap<string, readonly number[]>) => [...evaluate([t], values)[0]];

describe("consistency", () => {
  it.each(cases)(
    "of $splits pictures is timm's loss with its gradient (smoothing $smoothing, alpha $alpha)",
    ({ splits, smoothing, alpha, ...expected }) => {
      const logits = logitsOf(splits);
      const target = smoothedTargets(input("labels", "int32", [images]), classes, smoothing);
      const first = firstPictures({ logits }, splits).logits;
      const loss = add(crossEntropy(first, target), mul(jensenShannon(logits, splits), alpha));
      const values = new Map([
        ["logits", together(expected.logits, splits)],
        ["labels", [...expected.labels]],
      ]);
      // Constants of the graph, such as 1/splits, are float32.
      expect(Math.abs(value(loss, values)[0] / expected.loss - 1)).toBeLessThan(1e-6);
      const gradients = together(expected.gradient, splits);
      value(gradient(loss, [logits])[0], values).forEach((g, i) => {
        expect(Math.abs(g - gradients[i])).toBeLessThan(1e-6);
      });
    },
  );

  it("has the slope of finite differences", () => {
    const [{ splits, logits: given }] = cases;
    const logits = logitsOf(splits);
    const divergence = jensenShannon(logits, splits);
    const at = together(given, splits);
    const found = value(gradient(divergence, [logits])[0], new Map([["logits", at]]));
    const step = 1e-5;
    for (const i of [0, 7, 21, 58]) {
      const moved = (by: number) =>
        value(divergence, new Map([["logits", at.map((v, j) => (i === j ? v + by : v))]]))[0];
      // Central differences in double precision, of error step² and 1e-16 / step.
      expect(found[i]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 7);
    }
  });

  it("is 0 if all predictions are the same, and at most ln n", () => {
    const row = [3, -1, 0.5, 2, 0];
    const same = Array.from({ length: images * 3 }, () => row).flat();
    expect(value(jensenShannon(logitsOf(3), 3), new Map([["logits", same]]))[0]).toBeCloseTo(0, 6);
    // Each picture is sure of another class.
    const apart = Array.from({ length: images * 3 * classes }, (_, i) =>
      i % classes === Math.floor(i / classes) % 3 ? 60 : -60,
    );
    expect(value(jensenShannon(logitsOf(3), 3), new Map([["logits", apart]]))[0]).toBeCloseTo(Math.log(3), 6);
  });

  it("compares nothing in a recipe without splits", () => {
    expect(consistencyOf({ augmentationSplits: 0, jsdWeight: 12 })).toBeUndefined();
    expect(consistencyOf({ augmentationSplits: 2, jsdWeight: 5 })).toEqual({ splits: 2, weight: 5 });
  });
});

describe("random erasing of several pictures", () => {
  const erasing = { probability: 1, mode: "const", count: 2, splits: 3 } as const;
  const size = 16;
  const place = {
    ...{ batch: 2, first: 0, step: 0, indices: [5, 6], views: [0, 1], epochsLeft: 1, size, channels: 3 },
    stream: (purpose: string, sample = 0, view = 0) => new RandomStream({ seed: 3, sample, view, purpose }),
  };
  const drawn = drawFor(eraseInputs.boxes, { erasing }, place)!;

  it("leaves the first of each image as it is, and erases each of the others in its own way", () => {
    const model = { imageSize: size, channels: 3, normalization: imagenetNormalization } as const;
    const seen = batchImages(2, model, { erasing }, 3);
    expect(seen.shape).toEqual([6, size, size, 3]);
    const white = new Array<number>(6 * size * size * 3).fill(255);
    const values = new Map<string, ArrayLike<number>>([
      [batchInputs.images, white],
      ...[...drawn].map(([name, t]) => [name, t.data as ArrayLike<number>] as const),
    ]);
    const pixels = evaluate([seen], values)[0];
    const erased = Array.from({ length: 6 }, (_, picture) =>
      Array.from({ length: size * size }, (_, i) => (pixels[(picture * size * size + i) * 3] === 0 ? 1 : 0)).join(""),
    );
    expect([erased[0], erased[3]]).toEqual(["0".repeat(size * size), "0".repeat(size * size)]);
    const others = [1, 2, 4, 5].map((picture) => erased[picture]);
    for (const one of others) expect(one).toContain("1");
    expect(new Set(others).size).toBe(4);
  });
});
