/** The view of test images that a run ends with is the one that its weights ask for ever after. */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packRecords } from "../../src/data/packing/pack.js";
import { openDataset } from "../../src/data/sources/open.js";
import { checkpointMetadata } from "../../src/evaluation/checkpoint-metadata.js";
import { evaluateHeads } from "../../src/evaluation/evaluate-heads.js";
import { headLogits } from "../../src/evaluation/heads.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { Probe } from "../../src/evaluation/probe.js";
import { defaultView, type EvaluationView } from "../../src/evaluation/view.js";
import { viewLoader } from "../../src/evaluation/view-loader.js";
import { writeSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { deit } from "../../src/models/deit.js";
import { initialize } from "../../src/models/initialize.js";
import { parseRecipe } from "../../src/training/recipe/recipe.js";
import { settledRecipe } from "../../src/training/recipe/settled.js";
import { createStudent } from "../../src/training/recipe/student.js";
import { train } from "../../src/training/run/trainer.js";
import { micro, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;

it("is the run's own: evaluation gives the accuracy and loss of its log", async () => {
  const settings = { evaluationCropRatio: 0.5, interpolation: "nearest", normalization: "inception" } as const;
  const { epochs } = await train(options("own", settings));
  const { model, view, weights, classes } = await openModel({ weights: join(folder("own"), "last.safetensors") });
  expect(view).toMatchObject({ cropRatio: 0.5, interpolation: "nearest", exif: "ignore" });
  expect(view.normalization.mean).toEqual([0.5, 0.5, 0.5]);
  const dataset = await openDataset("procedural:16:32", { split: "test", classes });
  const probe = await Probe.create(runs.engine(), model, weights, headLogits(model));
  const loader = viewLoader({ dataset, view, batchSize: 32, workers: 0 });
  const result = (await evaluateHeads(probe, { loader, dataset })).get("both")!;
  await probe.dispose();
  const { top1, loss } = epochs[1].test!;
  expect(result.top1).toBe(top1);
  expect(result.loss).toBeCloseTo(loss, 5);
});

it("keeps how images that are not square become one", async () => {
  const settings = { cropMode: "border", borderColor: [9, 8, 7] } as const;
  await train(options("bordered", settings));
  const { view } = await openModel({ weights: folder("bordered") });
  expect(view).toMatchObject({ cropMode: "border", borderColor: [9, 8, 7], cropRatio: 1 });
  const chosen = await openModel({ weights: folder("bordered"), cropMode: "squash" });
  expect(chosen.view).toMatchObject({ cropMode: "squash", cropRatio: 1 });
  expect(chosen.view.borderColor).toBeUndefined();
});

describe("fine-tuning", () => {
  it("uses the normalisation of its weights, unless the recipe sets it", async () => {
    const { imageSize, patchSize, width, depth, heads } = micro;
    const made = deit("deit", { imageSize, patchSize, width, depth, heads, classes: 10 });
    const finetune = folder("vit_tiny_patch16_224.augreg.safetensors");
    // Without a configuration these are another program's, and the file's name says that they are of timm's ViT.
    await writeSafetensors(finetune, initialize(made, 0), { [checkpointMetadata.model]: "deit" });
    const { recipe, notes } = await settledRecipe(parseRecipe({ ...micro, finetune }));
    expect(createStudent(recipe, 10).normalization).toEqual({ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
    expect(notes).toHaveLength(1);
    const told = await settledRecipe(parseRecipe({ ...micro, finetune, normalization: "imagenet" }));
    expect([createStudent(told.recipe, 10).normalization, told.notes]).toEqual([made.normalization, []]);
  });
});

describe("EXIF", () => {
  /** Pixels that a model sees of a picture under one of its eight orientations. */
  async function seen(orientation: number, exif: EvaluationView["exif"], packed?: EvaluationView["exif"]) {
    const data = folder(`exif-${orientation}`);
    await mkdir(join(data, "a"), { recursive: true });
    const picture = new URL(`../fixtures/pictures/orientation-${orientation}.png`, import.meta.url).pathname;
    await copyFile(picture, join(data, "a", "x.png"));
    let dataset = await openDataset(data, { split: "train", choices: {} });
    if (packed) {
      const file = `${data}-${packed}.records`;
      const how = { encoding: "raw", size: 4096, workers: 1, exif: packed } as const;
      await packRecords([{ name: "train", dataset }], file, how);
      dataset = await openDataset(file, { split: "train" });
    }
    const model = deit("deit", { imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 1 });
    const loader = viewLoader({
      dataset,
      view: { ...defaultView(model), cropRatio: 1, cropMode: "squash", exif },
      batchSize: 1,
      workers: 0,
    });
    for await (const { images } of loader.epoch(0)) return [...images];
  }

  it("is applied if the view says so, and only once if images were packed that way", async () => {
    const upright = await seen(3, "apply");
    expect(await seen(3, "ignore")).toEqual([...turnedHalf(upright!)]);
    expect(await seen(3, "apply", "apply")).toEqual(upright);
    await expect(seen(3, "apply", "ignore")).rejects.toThrow(/packed without applying/);
    await expect(seen(3, "ignore", "apply")).rejects.toThrow(/rotated by their EXIF orientation when packed/);
  });
});

/** A square of pixels upside down: what orientation 3 stores. */
function turnedHalf(pixels: readonly number[]): number[] {
  const out: number[] = [];
  for (let i = pixels.length - 3; i >= 0; i -= 3) out.push(...pixels.slice(i, i + 3));
  return out;
}
