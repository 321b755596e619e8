/** The job script of the tutorial does what it says, with SLURM's programs stood in for. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { logSchema } from "../../src/training/run-folder/log-schema.js";
import { itWithReference as it } from "../setup/reference-data.js";
import { blocksOf, createSandbox, type Sandbox, shortened } from "./sandbox.js";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox();
  await sandbox.program("srun", 'echo $$ > srun.pid; exec "$@"');
  await sandbox.program("scontrol", 'echo "$@" >> requeued');
  const [script] = (await blocksOf("docs/tutorials/resume-on-a-cluster.md")).filter((b) => b.language === "bash");
  const short = shortened(script.text).replace("--epochs 1 ", "--epochs 40 ");
  await writeFile(join(sandbox.folder, "train.sbatch"), short);
});
afterAll(() => sandbox.remove());

const file = (name: string) => join(sandbox.folder, name);
const text = (name: string) => readFile(file(name), "utf8").catch(() => "");

/** Runs the job; `warnAfter` epochs it gets SLURM's signal. */
function job(warnAfter?: number): Promise<number | null> {
  const bash = spawn("bash", ["train.sbatch"], {
    cwd: sandbox.folder,
    env: { ...sandbox.env, SLURM_JOB_ID: "4711" },
    stdio: "ignore",
  });
  const timer = setInterval(async () => {
    if (warnAfter === undefined || (await text("runs/cluster/log.jsonl")).split('"epoch",').length <= warnAfter) return;
    clearInterval(timer);
    process.kill(Number(await text("srun.pid")), "SIGUSR1");
  }, 20);
  return new Promise((resolve) => bash.once("exit", resolve)).then((code) => {
    clearInterval(timer);
    return code as number | null;
  });
}

it("a job that is warned saves, is queued again and continues; one that is done is not", async () => {
  expect(await job(2)).toBe(75);
  expect(await text("requeued")).toBe("requeue 4711\n");
  await rm(file("requeued"));
  expect(await job()).toBe(0);
  expect(existsSync(file("requeued"))).toBe(false);
  const lines = (await text("runs/cluster/log.jsonl")).trim().split("\n");
  const kinds = lines.map((l) => logSchema.parse(JSON.parse(l)).kind);
  expect(kinds.filter((k) => k !== "epoch" && k !== "warning")).toEqual([
    ...["environment", "stopped", "environment", "resumed", "finished"],
  ]);
  expect(kinds.filter((k) => k === "epoch")).toHaveLength(40);
}, 120_000);
