/** Evaluations decide when a run ends and which weights it keeps. A rate of nearly 0 keeps every accuracy the same. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openDataset } from "../../src/data/sources/open.js";
import { UsageError } from "../../src/errors/errors.js";
import type { RecipeSettings } from "../../src/training/recipe/recipe.js";
import { train } from "../../src/training/run/trainer.js";
import { readLog } from "../../src/training/run-folder/log-schema.js";
import { useRuns } from "./setup.js";

const runs = useRuns();
const still: RecipeSettings = { lr: 1e-12, minLr: 0, warmupLr: 0, weightDecay: 0, epochs: 9 };

it("ends a run that does not improve, for good", async () => {
  const options = runs.options("patience", { ...still, patience: 2 });
  const result = await train(options);
  expect(result.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  expect(result).toMatchObject({ interrupted: false, stoppedEarly: true, best: { epoch: 1 } });
  expect((await readLog(join(options.output, "log.jsonl"))).at(-1)).toMatchObject({
    kind: "finished",
    epoch: 3,
    stoppedEarly: true,
  });

  const again = await train({ ...options, resume: true });
  expect(again.epochs).toEqual([]);
  expect(again).toMatchObject({ interrupted: false, stoppedEarly: true, bestTop1: result.bestTop1 });

  const patient = runs.options("patience", { ...still, patience: 4 });
  const longer = await train({ ...patient, resume: true, allowChanges: ["patience"] });
  expect(longer.epochs.map(({ epoch }) => epoch)).toEqual([4, 5]);
});

it("evaluates every other epoch and the last", async () => {
  const { epochs, best } = await train(runs.options("every", { ...still, epochs: 3, validateEvery: 2 }));
  expect(epochs.map(({ test }) => test !== undefined)).toEqual([false, true, true]);
  expect(best?.epoch).toBe(2);
});

it("keeps the weights of the best epochs alone", async () => {
  const options = runs.options("keep", { ...still, epochs: 4, keepBest: 2 });
  await train(options);
  const kept = (await readdir(options.output)).filter((name) => name.startsWith("epoch-"));
  expect(kept.sort()).toEqual(["epoch-1.safetensors", "epoch-2.safetensors"]);
});

it("refuses to decide without evaluations", async () => {
  const data = await openDataset("procedural:16:64", { split: "train" });
  const options = runs.options("unmeasured", { patience: 2, keepBest: 2 }, { data, validation: undefined });
  const refused = train(options);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(/sets patience and keepBest, but the run is measured on nothing/);
});
