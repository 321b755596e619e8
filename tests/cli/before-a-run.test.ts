/** What is known before a run begins: its estimate and the learning rate to use. */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deit, type Ran } from "./run.js";

const micro = ["model=deit", "imageSize=32", "patchSize=8", "width=32", "depth=2", "heads=2"];
const run = ["procedural:32:64", "--validation", "procedural:32:24", "--epochs", "30", "--batch-size", "16"];
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-before-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const json = ({ code, stdout, stderr }: Ran) => {
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout);
};

it("a dry run reports consistent time, memory, energy and cost, and leaves no files", async () => {
  const told = ["--watts", "100", "--price-per-hour", "3", "--price-per-kwh", "0.5", "--json", "--set", ...micro];
  const e = json(await deit(["train", ...run, "--dry-run", ...told], { cwd: scratch }));
  expect(e).toMatchObject({ images: 64, testImages: 24, epochs: 30, steps: 120, power: { watts: 100 } });
  expect(e.imagesPerSecond).toBeCloseTo(16 / e.secondsPerStep, 6);
  expect(e.testSeconds).toBeCloseTo((30 * 24) / 3 / e.imagesPerSecond, 6);
  expect(e.trainingSeconds).toBeCloseTo(120 * e.secondsPerStep + e.testSeconds, 6);
  expect(e.kilowattHours).toBeCloseTo((100 * e.trainingSeconds) / 3600 / 1000, 9);
  expect(e.cost).toBeCloseTo((3 * e.trainingSeconds) / 3600 + 0.5 * e.kilowattHours, 9);
  // A Node process with ONNX Runtime and this model: more than tens, less than thousands of megabytes.
  expect(e.memory.bytes).toBeGreaterThan(50e6);
  expect(e.memory.bytes).toBeLessThan(4e9);
  expect(e.memory.processBytes).toBe(e.memory.bytes); // ONNX Runtime counts nothing itself
  expect(e.assumptions.join(" ")).toContain("--watts");
  expect(await readdir(scratch)).toEqual([]);
});

it("the text of a dry run states its assumptions", async () => {
  const ran = await deit(["train", ...run, "--dry-run", "--set", ...micro], { cwd: scratch });
  expect(ran.code, ran.stderr).toBe(0);
  for (const word of ["speed", "time", "memory", "disk", "energy", "cost", "Assumptions", "Power: "])
    expect(ran.stdout).toContain(word);
});

it("the range test gives a rate for the program and one for the recipe, and a plot", async () => {
  const plot = join(scratch, "rate.svg");
  const range = ["--steps", "30", "--from", "1e-5", "--plot", plot, "--json", "--set", ...micro];
  const found = json(await deit(["lr-find", "procedural:32:64", "--batch-size", "16", ...range]));
  expect(found.points.length).toBeGreaterThan(9);
  expect(found.points[0].lr).toBe(1e-5);
  if (found.suggestion !== undefined) expect(found.recipeLr).toBeCloseTo((found.suggestion * 512) / 16, 9);
  expect(await readFile(plot, "utf8")).toMatch(/^<svg/);
  expect(existsSync(join(scratch, "runs"))).toBe(false);
});

it("refuses a range that does not grow", async () => {
  const { code, stderr } = await deit(["lr-find", "procedural:32:64", "--from", "1", "--to", "0.1"]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("cannot grow")]);
});
