/** `deit runs`: list the runs in a folder, with progress and accuracy. */

import type { Command } from "commander";
import { messageOf } from "../../errors/message-of.js";
import { findRuns, type RunSummary, summarizeRun } from "../../training/run-folder/summary.js";
import { print } from "../output/output.js";

export function define(command: Command): void {
  command
    .argument("[folder]", "folder that contains the runs, up to three levels down", "runs")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  deit runs runs/")
    .action(run);
}

async function run(folder: string, { json }: { readonly json?: boolean }): Promise<void> {
  // A damaged run must not hide the others.
  const rows = await Promise.all(
    (await findRuns(folder)).map((path) =>
      summarizeRun(path)
        .then(rowOf)
        .catch((error: unknown) => ({ folder: path, problem: messageOf(error) })),
    ),
  );
  if (json) print(JSON.stringify(rows));
  else if (rows.length === 0) print(`There are no runs in "${folder}".`);
  else for (const row of rows) print("problem" in row ? `${row.folder}  damaged: ${row.problem}` : textOf(row));
}

function rowOf({ folder, state, recipe, manifest, epochs, done, best, lastSign, seconds }: RunSummary) {
  return {
    folder,
    state,
    model: recipe.model,
    data: manifest.data,
    epochs: done,
    of: recipe.epochs,
    top1: best?.test?.top1,
    map: best?.test?.map,
    trainLoss: epochs.at(-1)?.trainLoss ?? undefined,
    lastSign: lastSign.toISOString(),
    seconds,
  };
}

function textOf({ folder, state, model, data, epochs, of, top1, map, lastSign }: ReturnType<typeof rowOf>): string {
  const share = map ?? top1;
  const accuracy = share === undefined ? "not tested" : `${map === undefined ? "top-1" : "mAP"} ${share.toFixed(2)} %`;
  return `${folder}  ${state}  ${model} on ${data}  epoch ${epochs} of ${of}  ${accuracy}  ${lastSign.slice(0, 16).replace("T", " ")}`;
}
