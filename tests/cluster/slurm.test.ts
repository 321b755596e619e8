import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { slurmScript } from "../../src/cluster/slurm.js";

const script = slurmScript({
  nodes: 4,
  processesPerNode: 1,
  gpusPerNode: 8,
  time: "24:00:00",
  partition: "gpu",
  command: ["train", "my data", "--set", "about=it's $HOME"],
});

it("a job script is valid shell, passes every argument on unchanged, and has its own secret", () => {
  execFileSync("bash", ["-n"], { input: script });
  const tried = script.replace("exec srun --kill-on-bad-exit=1 ", "printf '%s\\n' $DEIT_JOB_TOKEN ");
  const lines = execFileSync("bash", { input: tried, encoding: "utf8" }).trimEnd().split("\n");
  expect(lines[0]).toMatch(/^[\da-f]{48}$/);
  expect(lines.slice(1)).toEqual([
    ...["deit", "launch", "--processes-per-node", "1", "--", "train", "my data", "--set", "about=it's $HOME"],
  ]);
});
