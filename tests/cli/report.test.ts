/** `deit report` on runs that were really trained. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deit } from "./run.js";

let scratch: string;
let run: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "deit-report-"));
  run = join(scratch, "micro");
  const micro = ["model=deit", "imageSize=32", "patchSize=8", "width=32", "depth=2", "heads=2", "warmupEpochs=0"];
  const train = ["train", "procedural:32:64", "--validation", "procedural:32:24", "--output", run, "--epochs", "2"];
  expect((await deit([...train, "--batch-size", "16", "--json", "--set", ...micro])).code).toBe(0);
}, 60_000);
afterAll(() => rm(scratch, { recursive: true, force: true }));

it("writes a page into the run's folder", async () => {
  const { code, stdout, stderr } = await deit(["report", run, "--shown", "3", "--json"]);
  expect([code, stderr]).toEqual([0, ""]);
  const { output, runs } = JSON.parse(stdout);
  expect(output).toBe(join(run, "report.html"));
  expect(runs[0]).toMatchObject({ folder: run, state: "finished", images: 24 });
  expect(runs[0].hardest).toHaveLength(3);
  const page = await readFile(output, "utf8");
  // The model is the one that was tested in training.
  expect(page).toMatch(new RegExp(`${runs[0].top1.toFixed(1)}[0-9]?[ \u00a0]%`));
  expect(page.match(/data:image\/webp/g)!.length).toBeGreaterThanOrEqual(6);
});
it("continues without the data, with a note", async () => {
  const output = join(scratch, "page.html");
  const ran = await deit(["report", run, "--data", join(scratch, "gone"), "-o", output]);
  expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining("decisions are left out")]);
  expect(await readFile(output, "utf8")).toContain("Its decisions are not shown");
});
it("refuses a folder without a run", async () => {
  const { code, stderr } = await deit(["report", scratch]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("holds no run")]);
});
