/** Progressive sizes: smaller images in the first epochs. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { proceduralDataset } from "../../src/data/sources/procedural.js";
import { trainingLoader } from "../../src/training/feed/training-data.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { createStudent } from "../../src/training/recipe/student.js";
import { train } from "../../src/training/run/trainer.js";
import { estimateRun } from "../../src/training/study/estimate.js";
import { previewBatch } from "../../src/training/study/preview.js";
import { openTrial } from "../../src/training/study/trial.js";
import { expectSameState, micro, trainSteps, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const growing = {
  sizeSchedule: [
    [8, 0.25],
    [12, 0.5],
  ],
  ...{ epochs: 4, crop: "resized" },
} as const satisfies RecipeSettings;
const dataset = proceduralDataset({ size: 20, count: 96, split: "train" });

/** The first batch of an epoch. */
async function firstBatch(settings: RecipeSettings, epoch: number) {
  const recipe = parseRecipe({ ...micro, ...settings });
  const loader = trainingLoader(dataset, recipe, createStudent(recipe, 10), { data: "", workers: 0 });
  try {
    for await (const { images, size, indices } of loader.epoch(epoch)) return { images: images.slice(), size, indices };
    throw new Error("no batch");
  } finally {
    await loader.close();
  }
}

describe("sizeSchedule", () => {
  it.each([
    [0, 8],
    [1, 12],
    [2, 16],
    [3, 16],
  ])("has the images of epoch %i as a model for %i pixels sees them", async (epoch, imageSize) => {
    const batch = await firstBatch(growing, epoch);
    expect(batch.size).toBe(imageSize);
    expect(batch).toEqual(await firstBatch({ epochs: 4, crop: "resized", imageSize }, epoch));
  });

  it("trains in all sizes, and continues a run in each as if it had not been interrupted, bit for bit", async () => {
    const settings: RecipeSettings = { ...growing, accumulate: 2, eraseProbability: 1 };
    const told: string[] = [];
    const { epochs } = await train(
      options("whole", settings, { onEvent: (e) => e.kind === "warning" && told.push(e.message) }),
    );
    expect(told.join()).toContain("Images are of 8 pixels up to epoch 1, of 12 pixels up to epoch 2, and then of 16");
    expect(epochs.map(({ step }) => step)).toEqual([6, 12, 18, 24]);
    expect(await trainSteps(options("parts", settings), 3)).toBe(true);
    expect(await trainSteps(options("parts", settings, { resume: true, workers: 1 }), 9)).toBe(true);
    await train(options("parts", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("parts"));
  });

  it("has a teacher in the program see each size in its own", async () => {
    const settings: RecipeSettings = {
      ...{ ...growing, epochs: 3, distillation: "soft", distillationOn: "class" },
      teacherWeights: join(folder("whole"), "best.safetensors"),
      sizeSchedule: [[8, 0.3]],
    };
    const { epochs } = await train(options("taught", settings));
    for (const { trainLoss } of epochs) expect(Number.isFinite(trainLoss)).toBe(true);
  });

  it("is seen in a preview, and left out of an estimate, which says so", async () => {
    const recipe = parseRecipe({ ...micro, ...growing });
    const model = createStudent(recipe, 10);
    const loader = trainingLoader(dataset, recipe, model, { data: "", workers: 0 });
    const show = (epoch: number) =>
      previewBatch({ recipe, model, dataset, loader, engine: runs.engine(), epoch, step: 0, count: 2 });
    expect([(await show(0))[0].image.width, (await show(3))[0].image.width]).toEqual([8, 16]);
    await loader.close();
    const { data, workers } = options("estimate");
    const trial = await openTrial({ recipe, engine: runs.engine(), data, workers });
    const estimate = await estimateRun(trial, { engine: runs.engine(), seconds: 0, watts: 1 });
    await trial.close();
    expect(estimate.assumptions.map(String).join()).toContain("Smaller images of the first epochs (sizeSchedule)");
  });

  it.each<[string, RecipeSettings]>([
    ["leaves no epoch of 4 for the model's own size", { ...growing, sizeSchedule: [[8, 0.9]] }],
    [
      "leaves no epoch of 4 for the size 12",
      {
        ...growing,
        sizeSchedule: [
          [8, 0.5],
          [12, 0.3],
        ],
      },
    ],
    ["leaves no epoch of 4 for the size 8", { ...growing, sizeSchedule: [[8, 0]] }],
    ["but cropMode=native gives images sizes of their own", { ...growing, cropMode: "native" }],
    ["but features of a frozen part", { ...growing, trainedParts: "head", frozenViews: "all" }],
    [
      "but answers of a teacher (teacherCache)",
      { ...growing, distillation: "hard", teacherWeights: "a.safetensors", teacherCache: "answers" },
    ],
    [
      "but layers of student and teacher (features)",
      { ...growing, teacherWeights: "a.safetensors", features: { teacher: "blocks.0" } },
    ],
  ])("is refused: %s", (reason, settings) => {
    expect(() => parseRecipe({ ...micro, ...settings })).toThrow(reason);
  });

  it("is refused for sizes that the model has not, or that are no smaller than its own", async () => {
    const sized = (size: number) => train(options("refused", { ...growing, sizeSchedule: [[size, 0.5]] }));
    await expect(sized(10)).rejects.toThrow("cannot look at images of 10×10 pixels; use multiples of 4");
    await expect(sized(16)).rejects.toThrow("sizeSchedule has images of 16 pixels, no fewer than those of");
  });

  it("refuses a teacher that sees one size", async () => {
    const ownTeacher = { name: "own", imageSize: 16, answer: () => ({ shape: [16, 10], data: new Float32Array(160) }) };
    const taught = { ...growing, distillation: "hard", distillationOn: "class" } as const;
    const running = train({ ...options("own", { ...taught, teacherWeights: "function:own" }), ownTeacher });
    await expect(running).rejects.toThrow("sizeSchedule changes it");
  });
});
