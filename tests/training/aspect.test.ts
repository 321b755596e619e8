/** Runs on images that are not square: trained, resumed, evaluated, taken over, imitated and explained. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Attention } from "../../src/evaluation/attention.js";
import { patchFeatures } from "../../src/evaluation/features.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { Probe } from "../../src/evaluation/probe.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { imageLength } from "../../src/models/image-batch.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { buildTeacherCache } from "../../src/training/teacher/cache.js";
import type { StoredSize } from "../../src/training/teacher/manifest.js";
import { expectSameState, measured, micro, trainSteps, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const best = (name: string) => join(folder(name), "best.safetensors");
const positions = async (path: string) => (await readSafetensors(path)).tensors.get("pos_embed")!.data as Float32Array;

// As many patches as a square has, so that their number alone tells another grid; and a crop with a border.
const wide = { imageSize: [8, 32], cropMode: "border", cropScale: [0.3, 1] } as const satisfies RecipeSettings;

describe("a run on images of 8×32 pixels", () => {
  it("is continued bit for bit, with Mixup, CutMix and erased boxes", async () => {
    const settings = { ...wide, crop: "resized", eraseProbability: 1, eraseMode: "rand" } as const;
    await train(options("whole", settings));
    expect(await trainSteps(options("parts", settings), 5)).toBe(true);
    await train(options("parts", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("parts"));
  });

  it("is measured in the view and on the grid that its weights state", async () => {
    const { epochs } = await train(options("measured", { ...wide, evaluationCropRatio: 0.8 }));
    const last = join(folder("measured"), "last.safetensors");
    const { model, view, weights, classes } = await openModel({ weights: last });
    expect(view).toMatchObject({ imageSize: [8, 32], cropMode: "border", cropRatio: 0.8 });
    expect(model.tokens?.grid).toEqual([2, 8]);
    expect(weights.get("pos_embed")!.data).toEqual(await positions(last));
    const result = await measured(runs.engine(), { model, view, weights, classes });
    expect(result.top1).toBe(epochs[1].test!.top1);
    expect(result.loss).toBeCloseTo(epochs[1].test!.loss, 5);
  });

  it("has attention maps and features of 2×8 patches", async () => {
    const { model, weights } = await openModel({ weights: folder("measured") });
    const attention = await Attention.create(runs.engine(), model, weights);
    const [maps] = await attention.maps(new Uint8Array(imageLength(model)).fill(90), 1);
    await attention.dispose();
    expect(maps.grid).toEqual([2, 8]);
    expect([maps.rollout.length, ...maps.heads.map(({ length }) => length)]).toEqual([16, 16, 16]);
    const probe = await Probe.create(runs.engine(), model, weights, patchFeatures(model));
    const features = await probe.run(new Uint8Array(2 * imageLength(model)), 2);
    await probe.dispose();
    expect(features.get("patches")?.shape).toEqual([2, 2, 8, 16]);
  });

  it("gives its positions to a square and to its own shape", async () => {
    const start = async (name: string, imageSize: RecipeSettings["imageSize"]) => {
      const settings = { imageSize, finetune: best("measured"), lr: 1e-12, epochs: 1, weightDecay: 0 } as const;
      await train(options(name, settings));
      return positions(best(name));
    };
    const own = await positions(best("measured"));
    (await start("again", [8, 32])).forEach((v, i) => {
      expect(Math.abs(v - own[i])).toBeLessThan(1e-6);
    });
    // The square has as many positions, but other ones.
    expect((await start("square", 16)).some((v, i) => Math.abs(v - own[i]) > 1e-3)).toBe(true);
  });

  it("learns from a teacher for other shapes, and from its stored features", async () => {
    await train(options("teacher", { imageSize: [16, 24], epochs: 1 }));
    const taught = {
      ...{ ...wide, epochs: 1, teacherWeights: best("teacher"), teacherImageSize: [16, 24] },
      features: { teacher: "blocks.0", grid: [1, 4] },
    } as const satisfies RecipeSettings;
    await train(options("taught", taught));
    const stored = { ...taught, distillation: "soft", distillationOn: "class" } as const;
    let size: StoredSize | undefined;
    await buildTeacherCache({
      recipe: parseRecipe({ ...micro, ...stored }),
      onSize: (told) => {
        size = told;
      },
      ...{ engine: runs.engine(), data: "procedural:16:96", output: folder("stored"), workers: 0 },
    });
    expect(size?.features).toMatchObject([{ grid: [1, 4], channels: 16 }]);
    await train(options("replayed", { ...stored, teacherCache: folder("stored") }));
    await train(options("inside", stored));
    // Stored numbers are float16 and logits, so close is enough.
    const [one, two] = await Promise.all(["replayed", "inside"].map((name) => positions(best(name))));
    expect(Math.max(...Array.from(one, (v, i) => Math.abs(v - two[i])))).toBeLessThan(0.05);
  });
});
