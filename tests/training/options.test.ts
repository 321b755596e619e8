/** Options of the original program that change what a step does. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { initialize } from "../../src/models/initialize.js";
import { createModel } from "../../src/models/registry.js";
import { parseRecipe, type RecipeSettings, scheduleOf } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { scheduledRate } from "../../src/training/step/schedules/index.js";
import { micro, useRuns } from "./setup.js";

const { options, folder } = useRuns();

const weights = async (name: string, file = "last") =>
  (await readSafetensors(join(folder(name), `${file}.safetensors`))).tensors;

describe("trained parts", () => {
  it.each([
    ["attention", /\.attn\.|^pos_embed$|^head\./],
    ["last-2-blocks", /^blocks\.|^norm\.|^head\./],
    ["last-1-blocks", /^blocks\.1\.|^norm\.|^head\./],
    ["head", /^head\./],
  ] as const)("%s: these move, the rest stays, bit for bit", async (trainedParts, moving) => {
    const start = `start-${trainedParts}`;
    await train(options(start, { epochs: 1 }));
    await train(options(trainedParts, { epochs: 1, trainedParts, finetune: folder(start) }));
    // The start's only epoch is its best, which is what a run folder stands for.
    const [before, after] = await Promise.all([weights(start, "best"), weights(trainedParts)]);
    for (const [name, { data }] of before) {
      const same = after.get(name)!.data.every((v, i) => v === data[i]);
      expect(same, name).toBe(!moving.test(name));
    }
  });
});

describe("weights to begin from", () => {
  it("that a setting of the recipe made unfit are refused by the name of that setting", async () => {
    const tiny = folder("tiny.safetensors");
    await writeSafetensors(tiny, initialize(createModel("deit_tiny_patch16_224", { imageSize: 16 }), 0));
    // The runs of this file set width 16 and two blocks.
    const settings = { model: "deit_tiny_patch16_224", patchSize: 16, finetune: tiny };
    await expect(train(options("misfit", settings))).rejects.toThrow(
      "tiny.safetensors\" fit deit_tiny_patch16_224, but not with the recipe's width=16 and depth=2; remove",
    );
  });
});

describe("co-training", () => {
  it("learns from two passes under other stochastic depth", async () => {
    const settings: RecipeSettings = { cosub: true, epochs: 3, dropPath: 0.3, mixup: 0, cutmix: 0, lr: 0.003 };
    const { epochs } = await train(options("cosub", settings));
    expect(epochs[2].trainLoss).toBeLessThan(epochs[0].trainLoss);
    // Where both passes are the same and nothing moves, each image counts once, as without the second pass.
    const still = { epochs: 1, dropPath: 0, dropout: 0, mixup: 0, cutmix: 0, lr: 1e-12 };
    const [twice, once] = [
      await train(options("cosub-still", { ...still, cosub: true })),
      await train(options("alone-still", still)),
    ];
    expect(twice.epochs[0].trainTop1).toBe(once.epochs[0].trainTop1);
    expect(once.epochs[0].trainTop1).toBeGreaterThan(0);
    expect(() => parseRecipe({ cosub: true, distillation: "labels" })).toThrow("Co-training (cosub) takes no teacher");
  });
});

describe("noise on the learning rate", () => {
  const settings = { ...micro, schedule: "constant", epochs: 1000, lr: 0.01, lrNoise: [0.2, 0.9] } as RecipeSettings;
  const factors = (more: RecipeSettings) => {
    const schedule = scheduleOf(parseRecipe({ ...settings, ...more }));
    return Array.from({ length: 1000 }, (_, epoch) => scheduledRate(schedule, epoch + 0.5) / 0.01);
  };

  it("is normal within its limit, new every epoch, the same for a seed, and only where requested", () => {
    const found = factors({ lrNoiseLimit: 0.5, lrNoiseStd: 0.3 });
    expect([...found.slice(0, 200), ...found.slice(900)].every((f) => f === 1)).toBe(true);
    const noisy = found.slice(200, 900);
    expect(noisy.every((f) => Math.abs(f - 1) < 0.5)).toBe(true);
    expect(new Set(noisy).size).toBe(700);
    // A normal of deviation 0.3 cut at ±5/3 deviations has 0.3 · 0.768; 700 draws tell it to 4 % or so.
    const deviation = Math.sqrt(noisy.reduce((sum, f) => sum + (f - 1) ** 2, 0) / 700);
    expect(Math.abs(deviation - 0.23)).toBeLessThan(0.03);
    expect(factors({ lrNoiseLimit: 0.5, lrNoiseStd: 0.3 })).toEqual(found);
    expect(factors({ lrNoiseLimit: 0.5, lrNoiseStd: 0.3, seed: 1 })).not.toEqual(found);
  });

  it("must end after it begins", () => {
    expect(() => parseRecipe({ lrNoise: [0.9, 0.2] })).toThrow("lrNoise ends before it starts");
  });
});
