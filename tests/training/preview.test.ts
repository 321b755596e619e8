import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Batch } from "../../src/data/loading/loader.js";
import { proceduralDataset } from "../../src/data/sources/procedural.js";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { program } from "../../src/tensor/index.js";
import { evaluate } from "../../src/tensor/reference.js";
import { stepData } from "../../src/training/feed/step-data.js";
import { trainingLoader } from "../../src/training/feed/training-data.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { createStudent } from "../../src/training/recipe/student.js";
import { batchImages, batchTargets, batchTransformOf } from "../../src/training/step/batch/index.js";
import { type PreviewImage, previewBatch } from "../../src/training/study/preview.js";

const dataset = proceduralDataset({ size: 40, count: 120, split: "train" });
const micro = { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2, batchSize: 20 } as const;
let engine: Engine;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
});
afterAll(() => engine.close());

interface Case {
  readonly settings?: RecipeSettings;
  readonly count?: number;
  readonly step?: number;
  readonly workers?: number;
}

function opened({ settings, workers = 0 }: Case) {
  const recipe = parseRecipe({ ...micro, ...settings });
  const model = createStudent(recipe, dataset.classes.length);
  return { recipe, model, loader: trainingLoader(dataset, recipe, model, { data: "", workers }) };
}

async function preview(one: Case): Promise<PreviewImage[]> {
  const { count = 8, step = 0 } = one;
  const run = opened(one);
  try {
    return await previewBatch({ ...run, dataset, engine, epoch: 1, step, count });
  } finally {
    await run.loader.close();
  }
}

async function trainingBatch(one: Case): Promise<Batch> {
  const { loader } = opened(one);
  for await (const batch of loader.epoch(1, one.step ?? 0)) return batch;
  throw new Error("no batch");
}

describe("a preview", () => {
  it("shows the loader's exact pixels if the program changes nothing", async () => {
    const settings = { mixup: 0, cutmix: 0, eraseProbability: 0 };
    const batch = await trainingBatch({ settings, step: 2 });
    const shown = await preview({ settings, step: 2, count: 20 });
    expect(shown).toHaveLength(20);
    shown.forEach(({ image, labels, index }, i) => {
      expect(image.data).toEqual(batch.images.slice(i * 3072, (i + 1) * 3072));
      expect(labels).toEqual([{ label: batch.labels[i], weight: 1 }]);
      expect(index).toBe(batch.indices[i]);
    });
  });

  const cases: Case[] = [
    { settings: {}, count: 5 },
    { settings: { mixMode: "elem", eraseProbability: 1, eraseMode: "rand", eraseCount: 3 }, count: 7 },
    { settings: { mixMode: "pair", cutmix: 0, eraseProbability: 0.5, eraseMode: "const" }, count: 20, step: 1 },
    { settings: { mixup: 0, batchSize: 21, repeatedAugmentation: 1 }, count: 10 },
    { settings: { batchSize: 40, accumulate: 2, mixup: 0 }, count: 500 },
  ];
  it.each(cases)("is the training batch as the step's own functions define it: %j", async (one) => {
    const { recipe, model } = opened(one);
    const batch = await trainingBatch(one);
    const size = batch.labels.length;
    const transform = batchTransformOf(recipe);
    const images = batchImages(size, model, transform);
    const targets = batchTargets(size, 10, 0, transform);
    const data = stepData(
      program({ name: "whole", outputs: { seen: images, labelled: targets } }),
      { recipe, epoch: 1, batch },
      { scalars: {} },
    );
    const values = new Map([...data].map(([name, t]) => [name, t.data as ArrayLike<number>]));
    const [pixels, shares] = evaluate([images, targets], values);
    const { mean, std } = model.normalization;
    const shown = await preview(one);
    expect(shown).toHaveLength(Math.min(one.count!, size));
    shown.forEach(({ image, labels, index, partner }, i) => {
      let worst = 0;
      image.data.forEach((v, p) => {
        const level = 255 * (pixels[i * 3072 + p] * std[p % 3] + mean[p % 3]);
        worst = Math.max(worst, Math.abs(v - Math.min(255, Math.max(0, level))));
      });
      expect(worst).toBeLessThan(0.51); // the nearest whole level, on a float32 engine
      for (const { label, weight } of labels) expect(weight).toBeCloseTo(shares[i * 10 + label], 5);
      expect(labels.reduce((sum, l) => sum + l.weight, 0)).toBeCloseTo(1, 4);
      expect([index, partner]).toEqual([batch.indices[i], batch.indices[size - 1 - i]]);
    });
  });

  it("depends on the seed alone, not on the workers or the number shown", async () => {
    const first = await preview({ count: 4 });
    const again = await preview({ count: 6, workers: 2 });
    expect(again.slice(0, 4)).toEqual(first);
    expect((await preview({ count: 4, settings: { seed: 1 } }))[0].image).not.toEqual(first[0].image);
  });
  it("shows every view of an image erased in its own way", async () => {
    const settings = { mixup: 0, cutmix: 0, eraseProbability: 1, autoAugment: "none", flip: 0, crop: "none" } as const;
    const [a, b, c] = await preview({ settings, count: 3 });
    expect([b.index, c.index]).toEqual([a.index, a.index]);
    expect(b.image).not.toEqual(a.image);
    expect(c.image).not.toEqual(b.image);
  });
  it("has no batch beyond the epoch", async () => {
    await expect(preview({ step: 6 })).rejects.toThrow(RangeError);
  });
});
