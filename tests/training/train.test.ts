/** A run from its recipe to its folder. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import type { TrainOptions } from "../../src/training/run/train-options.js";
import { train } from "../../src/training/run/trainer.js";

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), "deit-train-"));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

describe("train", () => {
  const settings: RecipeSettings = {
    model: "deit",
    imageSize: 16,
    patchSize: 4,
    width: 16,
    depth: 2,
    heads: 2,
    epochs: 2,
    batchSize: 16,
    lr: 0.01,
    scaleLr: false,
    warmupEpochs: 0,
    emaDecay: 0.5,
    dropout: 0.1,
  };
  const options = (output: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
    recipe: parseRecipe(settings),
    engine,
    data: "procedural:16:64",
    validation: "procedural:16:32",
    output: join(folder, output),
    workers: 0,
    ...more,
  });

  it("leaves recipe, log, best and last weights that name their model", async () => {
    const result = await train(options("run"));
    expect(result.epochs).toHaveLength(2);
    const { tensors, metadata } = await readSafetensors(join(result.folder, "best.safetensors"));
    expect(tensors.size).toBe(result.model.parameters.length);
    expect(JSON.parse(metadata["deit.classes"])).toHaveLength(10);
    const lines = (await readFile(join(result.folder, "log.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l));
    expect(lines.map((l) => l.kind)).toEqual(["environment", "epoch", "epoch", "finished"]);
    expect(lines[2].test.images).toBe(32);
  });

  it("refuses to write over a run", async () => {
    await train(options("twice"));
    await expect(train(options("twice"))).rejects.toThrow("holds a run already");
  });

  it("continues to the very weights of a run that was not interrupted", async () => {
    const whole = await train(options("whole"));
    const controller = new AbortController();
    const first = await train(
      options("parts", {
        signal: controller.signal,
        onEvent: (e) => {
          if (e.kind === "epoch") controller.abort();
        },
      }),
    );
    expect(first.interrupted).toBe(true);
    const rest = await train(options("parts", { resume: true }));
    expect(rest.epochs.map((e) => e.epoch)).toEqual([2]);
    const a = await readSafetensors(join(whole.folder, "state.safetensors"));
    const b = await readSafetensors(join(rest.folder, "state.safetensors"));
    for (const [name, t] of a.tensors) expect(b.tensors.get(name)!.data, name).toEqual(t.data);
  });

  it("stops at a loss that is not a number, with the reason and the samples", async () => {
    const wild = { recipe: parseRecipe({ ...settings, lr: 1e30, emaDecay: 0, epochs: 5, optimizer: "sgd" }) };
    await expect(train(options("nan", wild))).rejects.toThrow(
      /became infinite or NaN at step \d+ .*; the weights were not updated\. Lower `lr`/,
    );
    const log = (await readFile(join(folder, "nan", "log.jsonl"), "utf8")).trim().split("\n");
    expect(JSON.parse(log.at(-2)!).samples).toHaveLength(16);
    expect(existsSync(join(folder, "nan", "recipe.json"))).toBe(true);
  });

  it("fine-tunes weights with a different number of classes", async () => {
    const base = await train(options("base"));
    const tuned = await train(
      options("tuned", {
        finetune: join(base.folder, "best.safetensors"),
        recipe: parseRecipe({ ...settings, epochs: 1, imageSize: 32 }),
        data: "procedural:32:64",
        validation: "procedural:32:32",
      }),
    );
    expect(tuned.model.parameters.find((p) => p.name === "pos_embed")!.shape).toEqual([1, 65, 16]);
  });
});
