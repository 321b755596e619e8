import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseRecipe } from "../recipe/recipe.js";
import { findRuns, summarizeRun } from "./summary.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deit-runs-"));
});
afterAll(() => rm(root, { recursive: true }));

const manifest = {
  ...{ format: 1, deit: "0.1.0", began: "2026-01-01T00:00:00.000Z", data: "photos", dataset: "0".repeat(64) },
  ...{ images: 8, classes: 2, onBadImage: "stop", precision: "float32" },
  engine: { engine: "onnx", platform: "cpu", version: "1", devices: 1 },
};

async function run(name: string, lines: readonly object[]): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "recipe.json"), JSON.stringify(parseRecipe({ epochs: 3 })));
  await writeFile(join(folder, "run.json"), JSON.stringify(manifest));
  for (const line of lines)
    await appendFile(join(folder, "log.jsonl"), `${JSON.stringify({ time: "2026-01-02T03:04:05.000Z", ...line })}\n`);
  return folder;
}

const epoch = (n: number, top1: number) => ({
  ...{ kind: "epoch", epoch: n, step: n, lr: 0.1, trainLoss: 1, trainTop1: 50, seconds: 2 },
  ...{ imagesPerSecond: 9, loaderWait: 0, checkpointWait: 0 },
  test: { top1, top5: 100, loss: 1, images: 4 },
});

it("reports the best epoch, the time and whether a run is still running", async () => {
  const finished = await run("a/finished", [
    epoch(1, 60),
    epoch(2, 80),
    epoch(3, 70),
    { kind: "finished", epoch: 3, step: 3 },
  ]);
  const summary = await summarizeRun(finished);
  expect(summary).toMatchObject({ state: "finished", seconds: 6, best: { epoch: 2 } });
  expect(summary.lastSign.toISOString()).toBe("2026-01-02T03:04:05.000Z");
  const begun = await run("begun", []);
  expect(await summarizeRun(begun)).toMatchObject({ state: "stopped", epochs: [], best: undefined });
  const began = Math.round(performance.timeOrigin);
  await writeFile(join(begun, "lock"), JSON.stringify({ pid: process.pid, host: hostname(), began }));
  expect((await summarizeRun(begun)).state).toBe("running");
});

it("finds runs below a folder, and reports folders that are not runs", async () => {
  await mkdir(join(root, "else"), { recursive: true });
  expect(await findRuns(root)).toEqual([join(root, "a/finished"), join(root, "begun")]);
  await expect(summarizeRun(join(root, "else"))).rejects.toThrow("holds no run");
  await expect(findRuns(join(root, "nowhere"))).rejects.toThrow("nowhere");
});

it("does not count the head that was fitted before the first epoch", async () => {
  const { epochs, done } = await summarizeRun(await run("b/fitted", [epoch(0, 60), epoch(1, 70), epoch(2, 80)]));
  expect([epochs.length, done]).toEqual([3, 2]);
});
