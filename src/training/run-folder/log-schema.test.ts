import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logSchema, readLog } from "./log-schema.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-log-"));
});
afterAll(() => rm(folder, { recursive: true }));

const time = "2026-01-02T03:04:05.678Z";
const epoch = (n: number, trainLoss: number | null = 1) => ({
  ...{ time, kind: "epoch", epoch: n, step: n * 10, lr: 0.1, trainLoss, trainTop1: 50 },
  ...{ imagesPerSecond: 9, loaderWait: 0, checkpointWait: 0, seconds: 1 },
});
async function reading(...lines: readonly (object | string)[]) {
  const path = join(folder, "log.jsonl");
  await writeFile(path, lines.map((l) => (typeof l === "string" ? l : JSON.stringify(l))).join("\n"));
  return readLog(path);
}

describe("readLog", () => {
  it("leaves out torn lines, foreign ones and kinds of the future", async () => {
    const lines = await reading(epoch(1), '{"time":"2026', "", "null", { time, kind: "dream" }, epoch(2));
    expect(lines.map((l) => l.kind === "epoch" && l.epoch)).toEqual([1, 2]);
  });
  it("leaves out epochs that were made again", async () => {
    const resumed = { time, kind: "resumed", epoch: 1, step: 12, runs: 2, changed: {} };
    const lines = await reading(epoch(1), epoch(2, 5), resumed, epoch(2, 6), epoch(3));
    expect(lines.map((l) => (l.kind === "epoch" ? l.trainLoss : l.kind))).toEqual([1, "resumed", 6, 1]);
  });
  it("takes a loss that was no number", async () => {
    expect(await reading(JSON.stringify(epoch(1, Number.NaN)))).toMatchObject([{ trainLoss: null }]);
  });
});

it("docs/run-folder.md documents every kind of line and every field", async () => {
  const docs = await readFile(new URL("../../../docs/run-folder.md", import.meta.url), "utf8");
  for (const option of logSchema.options) {
    const { kind, time: _, ...fields } = option.shape;
    const row = docs.split("\n").find((l) => l.startsWith(`| \`${kind.value}\` |`));
    expect(row, kind.value).toBeDefined();
    for (const name of Object.keys(fields)) expect(row, `${kind.value}.${name}`).toMatch(new RegExp(`\`${name}\\??\``));
  }
});
