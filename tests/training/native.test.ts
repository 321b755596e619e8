/** Runs on photos in their native aspect ratio: trained, resumed, measured, distilled; and what is refused. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset/dataset.js";
import { drawProcedural } from "../../src/data/pixels/procedural-image.js";
import { openDataset } from "../../src/data/sources/open.js";
import { evaluateHeads } from "../../src/evaluation/evaluate-heads.js";
import { headLogits } from "../../src/evaluation/heads.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { Probe } from "../../src/evaluation/probe.js";
import { viewLoader } from "../../src/evaluation/view-loader.js";
import { nativeSizes } from "../../src/geometry/native-sizes.js";
import { createModel } from "../../src/models/registry.js";
import { trainingLoader } from "../../src/training/feed/training-data.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { leastMeasured } from "../../src/training/study/estimate.js";
import { previewBatch } from "../../src/training/study/preview.js";
import { openTrial } from "../../src/training/study/trial.js";
import { expectSameState, micro, trainSteps, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const native = {
  cropMode: "native",
  imageSize: 24,
  crop: "resized",
  cropScale: [0.4, 1],
} as const satisfies RecipeSettings;
const plain = { mixup: 0, cutmix: 0, autoAugment: "none", eraseProbability: 0, colorJitter: 0, dropPath: 0 } as const;
const shapes = [
  [24, 24],
  [24, 18],
  [18, 24],
  [24, 16],
  [12, 24],
] as const;
let photos: Dataset;
let others: Dataset;

/** The built-in images, of which every fifth is a square and the others are cut; the brighter, the higher their class. */
const cut = (whole: Dataset): Dataset => ({
  ...whole,
  source: (index) => {
    const { width: side, data } = drawProcedural(whole.source(index) as Parameters<typeof drawProcedural>[0]);
    const [width, height] = shapes[index % shapes.length];
    const pixels = new Uint8Array(width * height * 3);
    for (let y = 0; y < height; y++) pixels.set(data.subarray(y * side * 3, (y * side + width) * 3), y * width * 3);
    const light = 19 * whole.label(index);
    return { kind: "image", width, height, data: pixels.map((v) => (v >> 2) + light), name: `photo ${index}` };
  },
});

beforeAll(async () => {
  photos = cut(await openDataset("procedural:24:106", { split: "train" }));
  others = cut(await openDataset("procedural:24:33", { split: "test" }));
});

const run = (name: string, settings: RecipeSettings = {}, more: Parameters<typeof options>[2] = {}) =>
  options(name, { ...native, ...settings }, { data: photos, validation: others, ...more });

describe("a run on photos in their native aspect ratio", () => {
  it("is continued bit for bit, whatever the workers, with Mixup, CutMix, erased boxes and accumulation", async () => {
    const settings = { eraseProbability: 1, eraseMode: "rand", mixup: 0.8, cutmix: 1, accumulate: 2 } as const;
    const { epochs } = await train(run("whole", settings));
    expect(epochs.map(({ step }) => step)).toEqual([6, 12]);
    expect(await trainSteps(run("parts", settings), 3)).toBe(true);
    expect(await trainSteps(run("parts", settings, { resume: true, workers: 2 }), 8)).toBe(true);
    await train(run("parts", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("parts"));
  });

  it("learns, and is measured in the view that its weights state", async () => {
    const told: string[] = [];
    const { epochs } = await train(
      run(
        "measured",
        { ...plain, epochs: 6, emaDecay: 0.5 },
        { onEvent: (e) => e.kind === "warning" && told.push(e.message) },
      ),
    );
    expect(told.join()).toContain(
      "Images are seen in their native aspect ratio, in 5 sizes (24, 20×28, 28×20, 16×36, 36×16)",
    );
    expect(epochs[5].trainLoss).toBeLessThan(0.9 * epochs[0].trainLoss);
    expect(epochs[5].test!.top1).toBeGreaterThan(15); // by chance it is 10
    const { model, view, weights } = await openModel({ weights: join(folder("measured"), "last.safetensors") });
    expect(view).toMatchObject({ cropMode: "native", cropRatio: 1, nativeSizes: nativeSizes(24, 4) });
    const probe = await Probe.create(runs.engine(), model, weights, headLogits(model));
    const loader = viewLoader({ dataset: others, view, batchSize: 5, workers: 0 });
    const result = (await evaluateHeads(probe, { loader, dataset: others })).get("both")!;
    await probe.dispose();
    expect(result.images).toBe(others.length);
    expect(result.top1).toBe(epochs[5].test!.top1);
    expect(result.loss).toBeCloseTo(epochs[5].test!.loss, 5);
  });

  it("starts from a fitted head, and with the last block alone", async () => {
    const finetune = join(folder("measured"), "best.safetensors");
    await train(run("fitted", { finetune, headStart: "fitted", trainedParts: "last-1-blocks", epochs: 1 }));
  });

  it("learns from a teacher, also from its layers, that sees each shape", async () => {
    const teacherWeights = join(folder("measured"), "best.safetensors");
    const settings = {
      ...{ teacherWeights, distillation: "soft", distillationOn: "class", epochs: 1 },
      features: { teacher: "blocks.0", grid: [2, 2] },
    } as const satisfies RecipeSettings;
    const { epochs } = await train(run("taught", { ...settings, teacherImageSize: 32 }));
    expect(Number.isFinite(epochs[0].trainLoss)).toBe(true);
  });

  it("is estimated, and its batches are shown", async () => {
    const { recipe, engine, ...rest } = run("trial");
    const trial = await openTrial({ recipe, engine, ...rest });
    let steps = 0;
    for await (const { loss } of trial.steps(() => 1e-3)) {
      expect(Number.isFinite(loss)).toBe(true);
      if (++steps === leastMeasured) break;
    }
    expect(trial.compiling()).toBeGreaterThan(0);
    const { model } = trial;
    const loader = trainingLoader(photos, recipe, model, rest);
    const seen = new Set<string>();
    for (let step = 0; step < loader.stepsPerEpoch; step++) {
      const [{ image }] = await previewBatch({
        ...{ recipe, model, dataset: photos, loader, engine, epoch: 0, step, count: 1 },
      });
      seen.add(`${image.width}×${image.height}`);
    }
    await loader.close();
    await trial.close();
    expect(seen.size).toBeGreaterThan(2);
  });
});

describe("refused in native aspect", () => {
  it.each<[string, RecipeSettings, string]>([
    [
      "stored features",
      { trainedParts: "head", frozenViews: 1 },
      "Features of a frozen part (frozenViews) are stored for images of one size, and cropMode=native gives them several; remove frozenViews",
    ],
    [
      "stored answers",
      { distillation: "hard", teacherCache: "answers" },
      "Answers of a teacher (teacherCache) are stored for images of one size, and cropMode=native gives them several; name the teacher's weights instead",
    ],
    ["a border's colour", { borderColor: [0, 0, 0] }, "borderColor is [0,0,0], but cropMode=native makes no border"],
  ])("%s", (_, settings, words) => {
    expect(() => parseRecipe({ ...micro, ...native, ...settings })).toThrow(words);
  });

  it("a model of one size", async () => {
    const recipe = { model: "linear", imageSize: 24, patchSize: undefined, width: undefined };
    const settings = { ...native, ...recipe, depth: undefined, heads: undefined, dropout: 0 };
    expect(createModel("linear", { imageSize: 24 }).sizeMultiple).toBeUndefined();
    await expect(train(options("linear", settings, { data: photos, validation: others }))).rejects.toThrow(
      '"linear" takes images of one size, so it cannot see images in their native aspect ratio',
    );
  });
});
