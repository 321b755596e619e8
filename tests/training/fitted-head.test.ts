/** Runs whose heads are fitted to a body that is given, from the options to the files. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { readLog } from "../../src/training/run-folder/log-schema.js";

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), "deit-head-"));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

const body: RecipeSettings = {
  ...{ model: "deit", imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 2, batchSize: 16, scaleLr: false },
  ...{ lr: 1e-3, epochs: 1, autoAugment: "none", mixup: 0, cutmix: 0, eraseProbability: 0, repeatedAugmentation: 1 },
};
const headOnly: RecipeSettings = { ...body, trainedParts: "head", headStart: "fitted", epochs: 0, crop: "none" };

const run = (name: string, settings: RecipeSettings, more: { resume?: boolean } = {}) =>
  train({
    ...{ engine, data: "procedural:16:96", validation: "procedural:16:40", workers: 0 },
    ...{ recipe: parseRecipe(settings), output: join(folder, name), ...more },
  });

describe.each([
  ["plain", {}, ["head"]],
  ["distilled", { distilled: true, distillation: "labels" }, ["head", "head_dist"]],
] as const)("a %s model", (kind, distilled, heads) => {
  it("gets new heads in one pass, and keeps its body bit for bit", async () => {
    const first = await run(`${kind}-body`, { ...body, ...distilled });
    const result = await run(`${kind}-head`, { ...headOnly, ...distilled, finetune: first.folder });
    expect(result.epochs.map((e) => e.epoch)).toEqual([0]);
    // Guessing has the loss ln 10; the fit is to these very images.
    expect(result.epochs[0].trainLoss).toBeLessThan(Math.log(10));
    expect(result.epochs[0].trainTop1).toBeGreaterThan(10);
    expect(result.epochs[0].test?.images).toBe(40);
    expect(result).toMatchObject({ interrupted: false, bestTop1: result.epochs[0].test?.top1 });
    const [before, after] = await Promise.all(
      [first.folder, result.folder].map((f) => readSafetensors(join(f, "best.safetensors"))),
    );
    const changed = [...after.tensors].filter(([name, t]) => `${t.data}` !== `${before.tensors.get(name)?.data}`);
    expect(changed.map(([name]) => name).sort()).toEqual(heads.flatMap((h) => [`${h}.bias`, `${h}.weight`]).sort());
    const log = await readLog(join(result.folder, "log.jsonl"));
    expect(log.map((line) => line.kind)).toEqual(["environment", "epoch", "finished"]);
    const again = await run(`${kind}-head`, { ...headOnly, ...distilled, finetune: first.folder }, { resume: true });
    expect([again.epochs, again.interrupted]).toEqual([[], false]);
  });
});

it("starts training from the fit if epochs follow", async () => {
  const { folder: finetune } = await run("before", body);
  const fit = await run("fit", { ...headOnly, finetune });
  // At next to no rate, what training ends with is what it began with.
  const settings = {
    ...body,
    headStart: "fitted",
    headLrFactor: 10,
    finetune,
    epochs: 2,
    lr: 1e-12,
    warmupLr: 0,
    minLr: 0,
  } as const;
  const result = await run("after", settings);
  expect(result.epochs.map((e) => e.epoch)).toEqual([0, 1, 2]);
  const [head, wanted] = await Promise.all(
    [result.folder, fit.folder].map(
      async (f) => (await readSafetensors(join(f, "last.safetensors"))).tensors.get("head.weight")!,
    ),
  );
  head.data.forEach((v, i) => {
    expect(v).toBeCloseTo(Number(wanted.data[i]), 6);
  });
});

it("is refused if there is nothing to fit heads to", async () => {
  await expect(run("nothing", headOnly)).rejects.toThrow("the model starts from scratch");
});
