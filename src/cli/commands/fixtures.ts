/** `deit fixtures`: checks this installation against reference values of timm and PyTorch. */

import type { Command } from "commander";
import { listPlugins } from "../../engines/xla/plugins/store.js";
import { messageOf } from "../../errors/message-of.js";
import type { CaseResult } from "../fixtures/case.js";
import { checkOperations, checkResize } from "../fixtures/images.js";
import { checkForward, checkTrainingStep } from "../fixtures/models.js";
import { checkCheckpoint, checkPositionEmbedding, checkSchedules } from "../fixtures/others.js";
import { checkRegnet } from "../fixtures/regnet.js";
import { withEngine } from "../options/options.js";
import { print } from "../output/output.js";

export function define(command: Command): void {
  command
    .argument("<folder>", "folder with the reference files")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  deit fixtures ../shared/fixtures")
    .action(run);
}

/** ONNX Runtime is always there; XLA where a plugin is. */
async function enginesPresent(): Promise<readonly ("onnx" | "xla")[]> {
  const plugins = process.env.DEIT_PJRT_PLUGIN ? 1 : (await listPlugins()).length;
  return plugins > 0 ? ["onnx", "xla"] : ["onnx"];
}

interface Line extends Partial<CaseResult> {
  readonly engine: string;
  readonly case: string;
  readonly passed: boolean;
  readonly reason?: string;
}

async function run(folder: string, options: { json?: boolean }): Promise<void> {
  const lines: Line[] = [];
  const check = async (name: string, engine: string, work: () => Promise<readonly CaseResult[]>) => {
    try {
      for (const r of await work()) lines.push({ engine, case: r.name, ...r, passed: r.error <= r.limit });
    } catch (error) {
      lines.push({ engine, case: name, passed: false, reason: messageOf(error) });
    }
    if (!options.json) for (const line of lines.splice(0)) printCase(line, all);
  };
  const all: Line[] = [];
  for (const name of await enginesPresent()) {
    await withEngine({ engine: name }, async (engine) => {
      for (const model of ["deit_micro", "deit_micro_distilled"])
        await check(model, name, () => checkForward(folder, model, engine));
      await check("training_step", name, () => checkTrainingStep(folder, engine));
      await check("regnety_micro", name, () => checkRegnet(folder, engine));
    });
  }
  await check("position_embedding", "-", () => checkPositionEmbedding(folder));
  await check("schedules", "-", () => checkSchedules(folder));
  for (const name of ["checkpoint_zip", "checkpoint_legacy"])
    await check(name, "-", () => checkCheckpoint(folder, name));
  await check("image_ops: resize", "-", () => checkResize(folder));
  await check("image_ops: operations", "-", () => checkOperations(folder));
  all.push(...lines);
  if (options.json) print(JSON.stringify({ cases: all, passed: all.every((l) => l.passed) }));
  if (all.some((l) => !l.passed)) process.exitCode = 1;
}

function printCase(line: Line, all: Line[]): void {
  all.push(line);
  const verdict = line.passed ? "ok" : "FAILED";
  const detail =
    line.reason ??
    (line.error === undefined
      ? ""
      : `largest ${line.case.startsWith("image_ops") ? "difference in grey levels" : "relative error"} ${line.error.toExponential(1)}`);
  print(`${verdict.padEnd(8)}${line.engine.padEnd(6)}${line.case.padEnd(31)} ${detail}`);
}
