import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseRecipe, type RecipeSettings } from "../recipe/recipe.js";
import { describeSide, runDifferences } from "./comparison.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-diff-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const engine = { engine: "onnx", platform: "cpu", version: "1", devices: 1 };
const manifest = {
  ...{ format: 1, deit: "0.1.0", began: "2026-01-01T00:00:00.000Z", data: "photos", dataset: "0".repeat(64) },
  ...{ images: 10, classes: 2, onBadImage: "stop", precision: "float32", engine },
};

async function run(name: string, settings: RecipeSettings, log: readonly object[]): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(folder);
  await writeFile(join(folder, "recipe.json"), JSON.stringify(parseRecipe(settings)));
  await writeFile(join(folder, "run.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "log.jsonl"), `${log.map((l) => JSON.stringify(l)).join("\n")}\n{"kind":"epo`);
  return folder;
}
const time = "2026-01-01T00:00:00.000Z";
const epoch = (n: number, top1: number) => ({
  ...{ time, kind: "epoch", epoch: n, step: n, lr: 0.1, trainLoss: 1 / n, trainTop1: 50, seconds: 2 },
  ...{ imagesPerSecond: 9, loaderWait: 0, checkpointWait: 0, test: { top1, top5: 100, loss: 1, images: 10 } },
});
/** The process was killed before the epoch's end was saved; the next one repeats it. */
const killed = { time, kind: "resumed", epoch: 0, step: 0, runs: 0, changed: {} };

describe("differences of runs", () => {
  it("are those of settings, environment and results", async () => {
    const onnx = {
      ...{ time, kind: "environment", engine: "onnx", node: "20", v8: "11", system: "linux x64" },
      ...{ processor: "one", platform: "cpu", version: "1", devices: 1, precisions: ["float32"] },
    };
    const a = await run("a", { lr: 1e-3, about: "this" }, [onnx, epoch(1, 10), epoch(2, 30), epoch(3, 20)]);
    const b = await run("b", { depth: 6, about: "that" }, [
      { ...onnx, engine: "xla" },
      epoch(1, 50),
      killed,
      epoch(1, 40), // done again
    ]);
    const { recipe, environment, result } = runDifferences(await describeSide(a), await describeSide(b));
    expect(recipe).toEqual([
      { key: "depth", a: undefined, b: 6 },
      { key: "lr", a: 1e-3, b: 5e-4 },
    ]);
    expect(environment).toEqual([{ key: "engine", a: "onnx", b: "xla" }]);
    expect(Object.fromEntries(result.map((d) => [d.key, [d.a, d.b]]))).toEqual({
      epochs: [3, 1],
      bestEpoch: [2, 1],
      top1: [30, 40],
      lastTop1: [20, 40],
      trainLoss: [1 / 3, 1],
      trainingSeconds: [6, 2],
    });
  });

  it("of recipes by name, and messages for what is neither", async () => {
    const { recipe } = runDifferences(await describeSide("deit-tiny"), await describeSide("deit-small"));
    expect(recipe.map((d) => d.key)).toEqual(["model"]);
    await expect(describeSide(join(scratch, "nothing"))).rejects.toThrow("give a run folder");
    await expect(describeSide("deit-tny")).rejects.toThrow('did you mean "deit-tiny"');
    await mkdir(join(scratch, "empty"));
    await expect(describeSide(join(scratch, "empty"))).rejects.toThrow("holds no run");
  });
});
