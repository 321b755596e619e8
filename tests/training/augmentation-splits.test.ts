/** Several pictures of each image, whose predictions are to agree (AugMix). */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLoader, type LoaderOptions } from "../../src/data/loading/loader.js";
import { proceduralDataset } from "../../src/data/sources/procedural.js";
import { trainingTransform } from "../../src/training/feed/training-data.js";
import { changed } from "../../src/training/recipe/changed.js";
import { readRecipe } from "../../src/training/recipe/file.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { createStudent } from "../../src/training/recipe/student.js";
import { train } from "../../src/training/run/trainer.js";
import { readLog } from "../../src/training/run-folder/log-schema.js";
import { previewBatch } from "../../src/training/study/preview.js";
import { expectSameState, micro, trainSteps, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const three: RecipeSettings = { augmentationSplits: 3, repeatedAugmentation: 1, autoAugment: "augmix-m3-w3" };
const size = 16;
const pixels = size * size * 3;
const dataset = proceduralDataset({ size, count: 96, split: "train" });

/** Pictures of the first batch, and what else there is of it. */
async function firstBatch(settings: RecipeSettings, { workers = 0, augment }: Partial<LoaderOptions> = {}) {
  const recipe = parseRecipe({ ...micro, crop: "resized", ...settings });
  const transform = trainingTransform(recipe, createStudent(recipe, 10));
  const loader = createLoader({
    ...{ dataset, transform, batchSize: 8, seed: 1, workers, order: "shuffled", dropLast: true, augment },
  });
  try {
    for await (const batch of loader.epoch(2)) {
      const count = batch.images.length / pixels;
      const pictures = Array.from({ length: count }, (_, i) => batch.images.slice(i * pixels, (i + 1) * pixels));
      return { pictures, batch };
    }
    throw new Error("no batch");
  } finally {
    await loader.close();
  }
}

describe("augmentationSplits", () => {
  it("shows each image in pictures of one crop and flip: first as it is, then each augmented by itself", async () => {
    const { pictures, batch } = await firstBatch(three);
    const plain = await firstBatch({ ...three, augmentationSplits: 0, autoAugment: "none" });
    expect(pictures).toHaveLength(24);
    expect(batch.indices).toEqual(plain.batch.indices);
    let unlike = 0;
    for (let i = 0; i < 8; i++) {
      expect(pictures[3 * i]).toEqual(plain.pictures[i]);
      const [first, second, third] = pictures.slice(3 * i, 3 * i + 3).map((p) => p.join());
      if (second !== first && third !== first && third !== second) unlike++;
    }
    expect(unlike).toBeGreaterThan(5); // an operation may change nothing in so few colours
    const { pictures: same } = await firstBatch({ ...three, autoAugment: "none" });
    for (let i = 0; i < 24; i++) expect(same[i]).toEqual(plain.pictures[Math.floor(i / 3)]);
    expect((await firstBatch(three, { workers: 2 })).pictures).toEqual(pictures);
  });

  it("leaves the first picture out of the caller's augmentation, and draws for each of the others", async () => {
    const plain = await firstBatch({ ...three, autoAugment: "none" });
    const own: LoaderOptions["augment"] = ({ width, height }, random) => {
      const data = new Uint8Array(3 * width * height).fill(random.integer(256));
      return { width, height, data };
    };
    const { pictures } = await firstBatch(three, { augment: own });
    for (let i = 0; i < 8; i++) expect(pictures[3 * i]).toEqual(plain.pictures[3 * i]);
    const levels = pictures.filter((_, i) => i % 3 > 0).map((p) => p[0]);
    expect(levels.filter((level, i) => i % 2 === 1 && level === levels[i - 1]).length).toBeLessThan(3);
  });

  it("trains, says how far pictures agree, and continues as if it had not been interrupted, bit for bit", async () => {
    const settings: RecipeSettings = { ...three, accumulate: 2, repeatedAugmentation: 2, dropPath: 0.3 };
    const { epochs } = await train(options("whole", settings));
    for (const { trainLoss, lossParts } of epochs) {
      const { task, consistency, ...rest } = lossParts!;
      expect(rest).toEqual({});
      expect(consistency).toBeGreaterThan(0);
      expect(task + consistency!).toBeCloseTo(trainLoss, 4);
    }
    const lines = await readLog(join(folder("whole"), "log.jsonl"));
    const logged = lines.flatMap((line) => (line.kind === "epoch" ? [line.lossParts] : []));
    expect(logged).toEqual(epochs.map(({ lossParts }) => lossParts));
    expect(await trainSteps(options("broken-off", settings), 8)).toBe(true);
    await train(options("broken-off", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("broken-off"));
  });

  it("brings the predictions for an image together", async () => {
    const learns = { ...three, epochs: 2, epochRepeats: 4, dropout: 0, dropPath: 0, labelSmoothing: 0 };
    const last = async (name: string, jsdWeight: number) => {
      const { epochs } = await train(options(name, { ...learns, jsdWeight }));
      return epochs.at(-1)!.lossParts!.consistency! / jsdWeight;
    };
    expect(await last("much", 200)).toBeLessThan(0.5 * (await last("little", 0.01)));
  });

  it("passes over the images in their native shape", async () => {
    const { epochs } = await train(options("native", { ...three, cropMode: "native", epochs: 1 }));
    expect(epochs[0].lossParts!.consistency).toBeGreaterThan(0);
  });

  it("is shown by a preview, the pictures of an image one after the other", async () => {
    const recipe = parseRecipe({ ...micro, ...three, eraseProbability: 0, crop: "resized" });
    const model = createStudent(recipe, 10);
    const { pictures, batch } = await firstBatch({ ...three, eraseProbability: 0 });
    const transform = trainingTransform(recipe, model);
    const loader = createLoader({
      ...{ dataset, transform, batchSize: 8, seed: 1, workers: 0, order: "shuffled", dropLast: true },
    });
    const shown = await previewBatch({
      recipe,
      model,
      dataset,
      loader,
      engine: runs.engine(),
      epoch: 2,
      step: 0,
      count: 7,
    });
    await loader.close();
    expect(shown.map(({ image }) => image.data)).toEqual(pictures.slice(0, 7));
    expect(shown.map(({ index }) => index)).toEqual([0, 0, 0, 1, 1, 1, 2].map((i) => batch.indices[i]));
    expect(shown[5].labels).toEqual([{ label: batch.labels[1], weight: 1 }]);
  });

  it("turns Mixup and CutMix off, in packaged recipes too, and reads what it wrote", async () => {
    const recipe = parseRecipe(three);
    expect(recipe).toMatchObject({ mixup: 0, cutmix: 0 });
    expect(parseRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
    const packaged = await readRecipe("deit-tiny");
    expect(parseRecipe(changed(packaged, three))).toMatchObject({ mixup: 0, cutmix: 0, augmentationSplits: 3 });
    expect(() => parseRecipe({ ...three, mixup: 0.8 })).toThrow(
      "augmentationSplits=3 compares pictures of one image, and mixes none with others, but the recipe also sets mixup=0.8; remove that,",
    );
  });

  it.each<[string, RecipeSettings]>([
    ["distillation", { ...three, distillation: "labels", distilled: true }],
    ["distillation", { ...three, distillation: "hard", teacherWeights: "teacher.safetensors" }],
    ["co-training (cosub)", { ...three, cosub: true }],
    ["images of several labels", { ...three, labels: "several" }],
    ["stored features (frozenViews)", { ...three, trainedParts: "head", frozenViews: "all" }],
    ["epochs is 0, and heads are fitted", { ...three, epochs: 0, headStart: "fitted" }],
    ["nothing in the recipe makes its pictures differ", { ...three, autoAugment: "none", eraseProbability: 0 }],
    ["nothing in the recipe makes its pictures differ", { ...three, crop: "none" }],
    ["nothing in the recipe makes its pictures differ", { augmentationSplits: 2, augmentation: "none" }],
  ])("is refused where %s", (reason, settings) => {
    expect(() => parseRecipe(settings)).toThrow(
      `compares the predictions for several pictures of each image, but ${reason}`,
    );
  });

  it("is refused for a single picture, and its weight without it", () => {
    expect(() => parseRecipe({ augmentationSplits: 1 })).toThrow("augmentationSplits");
    expect(() => parseRecipe({ jsdWeight: 5 })).toThrow("nothing to compare; set augmentationSplits=3");
  });

  it("answers timm's options", () => {
    expect(() => parseRecipe({ "aug-splits": 3 })).toThrow("here: augmentationSplits (always with jsd-loss");
    expect(() => parseRecipe({ jsd_loss: true })).toThrow("here: jsdWeight");
  });
});
