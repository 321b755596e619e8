/** Runs on images of one and four channels: trained, continued, measured, taken over, imitated and exported. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createLoader } from "../../src/data/loading/loader.js";
import { openDataset } from "../../src/data/sources/open.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { evaluationTransform } from "../../src/evaluation/view.js";
import { exportModel } from "../../src/export/export.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import type { Channels } from "../../src/geometry/channels.js";
import { deit } from "../../src/models/deit.js";
import { initialize } from "../../src/models/initialize.js";
import { selectWeights } from "../../src/models/select-weights.js";
import { evaluate, input } from "../../src/tensor/index.js";
import type { RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { renormalize } from "../../src/training/step/batch/renormalize.js";
import { expectSameState, measured, trainSteps, useRuns } from "./setup.js";

const runs = useRuns();
const { options, folder } = runs;
const best = (name: string) => join(folder(name), "best.safetensors");
const firstLayer = async (path: string) => (await readSafetensors(path)).tensors.get("patch_embed.proj.weight")!;

describe.each([1, 4] as const)("a run on images of %i channels", (channels) => {
  const name = (what: string) => `${what}-${channels}`;
  const all = {
    ...{ channels, crop: "resized", autoAugment: "rand-m9-n2", colorJitter: 0.3 },
    ...{ eraseProbability: 1, eraseMode: "rand" },
  } as const satisfies RecipeSettings;

  it("is continued bit for bit, with Mixup, CutMix and erased boxes", async () => {
    await train(options(name("whole"), all));
    expect(await trainSteps(options(name("parts"), all), 5)).toBe(true);
    await train(options(name("parts"), all, { resume: true }));
    await expectSameState(folder(name("whole")), folder(name("parts")));
  });

  it("is measured in the channels that its weights state", async () => {
    const { epochs } = await train(options(name("measured"), { channels }));
    const last = join(folder(name("measured")), "last.safetensors");
    const { model, view, weights, classes } = await openModel({ weights: last });
    expect([model.channels, view.channels, view.normalization.mean.length]).toEqual([channels, channels, channels]);
    expect((await firstLayer(last)).shape[1]).toBe(channels);
    const result = await measured(runs.engine(), { model, view, weights, classes });
    expect(result.top1).toBe(epochs[1].test!.top1);
    expect(result.loss).toBeCloseTo(epochs[1].test!.loss, 5);
  });

  it("begins with weights of three channels, whose normalisation it takes over", async () => {
    await train(options(name("rgb"), { normalization: "inception", epochs: 1 }));
    const settings = { channels, finetune: best(name("rgb")), lr: 1e-12, epochs: 1, weightDecay: 0 } as const;
    await train(options(name("tuned"), settings));
    const [from, to] = await Promise.all([name("rgb"), name("tuned")].map((one) => firstLayer(best(one))));
    const area = 16;
    const sum = (kernel: typeof from, at: number) =>
      Array.from({ length: kernel.shape[1] }, (_, c) => Number(kernel.data[c * area + at])).reduce((a, b) => a + b, 0);
    if (channels === 1) expect(sum(to, 3)).toBeCloseTo(sum(from, 3), 5);
    else expect(Number(to.data[3 * area])).toBeCloseTo(0.75 * Number(from.data[0]), 5);
    const { view } = await openModel({ weights: best(name("tuned")) });
    expect(view.normalization.mean).toEqual(Array(channels).fill(0.5));
  });

  it("learns from a teacher of three channels, and teaches one", async () => {
    const taught = { distillation: "soft", distillationOn: "class", epochs: 1 } as const;
    await train(options(name("taught"), { ...taught, channels, teacherWeights: best(name("rgb")) }));
    await train(options(name("imitating"), { ...taught, teacherWeights: best(name("measured")) }));
    expect((await firstLayer(best(name("taught")))).shape[1]).toBe(channels);
    expect((await firstLayer(best(name("imitating")))).shape[1]).toBe(3);
  });

  it("is exported with its channels, and read back as the same", async () => {
    for (const to of ["onnx", "timm", "transformers"] as const) {
      const output = folder(name(`to-${to}`));
      const { verification } = await exportModel({ weights: best(name("measured")), to, output, images: 8 });
      expect(verification.files[0].largestDifference).toBeLessThan(1e-4);
    }
    const config = async (to: string): Promise<unknown> =>
      JSON.parse(await readFile(join(folder(name(`to-${to}`)), "config.json"), "utf8"));
    expect(await config("timm")).toMatchObject({
      model_args: { in_chans: channels },
      pretrained_cfg: { input_size: [channels, 16, 16], first_conv: null },
    });
    expect(await config("transformers")).toMatchObject({ num_channels: channels });
    const whole = exportModel({
      ...{ weights: best(name("measured")), to: "onnx", preprocessing: true },
      ...{ output: folder(name("whole-image")), images: 8 },
    });
    if (channels === 4) await expect(whole).rejects.toThrow("have alpha (4 channels)");
    else expect((await whole).verification.files.map(({ agreement }) => agreement)).toEqual([100, 100]);
  });
});

describe("what a teacher of other channels sees", () => {
  const normalization = (channels: number) => ({
    mean: Array.from({ length: channels }, (_, c) => 0.4 + 0.1 * c),
    std: Array.from({ length: channels }, (_, c) => 0.2 + 0.1 * c),
  });
  const pixel: Readonly<Record<Channels, readonly number[]>> = {
    1: [0.7],
    3: [0.1, 0.5, 0.9],
    4: [0.1, 0.5, 0.9, 0.3],
  };
  const luminance = 0.299 * 0.1 + 0.587 * 0.5 + 0.114 * 0.9;
  it.each([
    [1, 3, [0.7, 0.7, 0.7]],
    [1, 4, [0.7, 0.7, 0.7, 1]],
    [3, 1, [luminance]],
    [3, 4, [0.1, 0.5, 0.9, 1]],
    [4, 1, [luminance]],
    [4, 3, [0.1, 0.5, 0.9]],
  ] as const)("of an image of %i channels in %i", (from, to, expected) => {
    const [own, other] = [normalization(from), normalization(to)];
    const images = input("images", "float32", [1, 1, 1, from]);
    const normalized = pixel[from].map((value, c) => (value - own.mean[c]) / own.std[c]);
    const [found] = evaluate([renormalize(images, own, other)], new Map([["images", Float32Array.from(normalized)]]));
    expected.forEach((value, k) => {
      expect(found[k]).toBeCloseTo((value - other.mean[k]) / other.std[k], 5);
    });
  });
});

it("weights that are selected keep the channels of the larger model, to be adapted", () => {
  const sizes = { imageSize: 8, patchSize: 4, depth: 1, heads: 2, classes: 3 };
  const larger = initialize(deit("larger", { ...sizes, width: 16 }), 0);
  for (const channels of [1, 4] as const) {
    const selected = selectWeights(deit("smaller", { ...sizes, width: 8, channels }), larger, "larger");
    expect(selected.get("patch_embed.proj.weight")?.shape).toEqual([8, 3, 4, 4]);
  }
});

it("records are refused for four channels, since they hold none of alpha", async () => {
  const { view } = await openModel({ weights: best("measured-4") });
  const dataset = await openDataset("procedural:16:8", { split: "train" });
  const packed = { ...dataset, source: () => ({ kind: "record" }) as ReturnType<typeof dataset.source> };
  const load = () =>
    createLoader({
      ...{ dataset: packed, transform: evaluationTransform(view), batchSize: 4, workers: 0, seed: 0 },
      ...{ order: "sequential", dropLast: false },
    });
  expect(load).toThrow("were packed as RGB, without alpha");
});
