/** `deit report`: write a page about one run, or comparing several. */
import { join } from "node:path";
import type { Command } from "commander";
import type { Engine } from "../../engines/engine.js";
import type { EngineChoice } from "../../engines/open.js";
import { DeitError, InterruptedError } from "../../errors/errors.js";
import { sentence } from "../../errors/sentence.js";
import { calibration } from "../../evaluation/decisions.js";
import type { ReportedRun } from "../../report/reported-run.js";
import { inspectRun } from "../../report/run-inspection.js";
import { runPage } from "../../report/run-page.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { runTestData } from "../../training/feed/run-data.js";
import { type RunSummary, summarizeRun } from "../../training/run-folder/summary.js";
import { engineOptions, wholeNumber, withEngine, workersOption } from "../options/options.js";
import { requireWritable } from "../output/file.js";
import { interruptible } from "../output/interruption.js";
import { openingBars } from "../output/opening-progress.js";
import { print, warn } from "../output/output.js";
import { createProgress } from "../output/progress.js";
import { worded } from "../output/wording.js";

export function define(command: Command): void {
  engineOptions(command)
    .argument("<runs...>", "run folders")
    .option("-o, --output <file>", "file to write (default: report.html in the first run's folder)")
    .option("--data <path>", "where the data is now, if it has moved since training")
    .option("--shown <images>", "how many hardest images and most confident mistakes to show", wholeNumber(0), 12)
    .option("--log-only", "only curves, recipes and environment; the models are not run")
    .addOption(workersOption())
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      `
Writes one HTML file with curves, confusions, the most confident mistakes and hardest images with attention maps, classes,
calibration, recipe and environment; for several runs it shows where they differ. The file loads nothing and needs no
scripts. The best weights of each run are evaluated on the images that it was tested on.

Examples:
  deit report runs/photos
  deit report runs/plain runs/distilled -o comparison.html`,
    )
    .action((runs: string[], options: Options) => interruptible((signal) => run(runs, options, signal)));
}

interface Options extends EngineChoice {
  readonly output?: string;
  readonly data?: string;
  readonly shown: number;
  readonly logOnly?: boolean;
  readonly workers: number;
  readonly json?: boolean;
}

async function run(folders: readonly string[], options: Options, signal: AbortSignal): Promise<void> {
  await requireWritable("--output", options.output);
  const runs = await Promise.all([...new Set(folders)].map(summarizeRun));
  const reported: ReportedRun[] = options.logOnly
    ? runs.map((run) => ({ run }))
    : await withEngine(options, async (engine) => {
        const all: ReportedRun[] = [];
        for (const each of runs) all.push(await inspected(each, engine, options, signal));
        return all;
      });
  const output = options.output ?? join(folders[0], "report.html");
  await writeFileAtomic(output, runPage(reported, worded));
  if (options.json) print(JSON.stringify({ output, runs: reported.map(toJson) }));
  else print(`report: ${output}`);
}

/** A run that cannot be inspected, for example because its data has moved, is shown anyway. */
async function inspected(run: RunSummary, engine: Engine, options: Options, signal: AbortSignal): Promise<ReportedRun> {
  if (run.epochs.length === 0)
    return { run, notInspected: "There are no weights yet, so its decisions are not shown." };
  try {
    const dataset = await runTestData(run, options.data, signal, openingBars());
    if (!dataset) return { run, notInspected: "Its data has no part for testing, so its decisions are not shown." };
    const { workers, shown, json: quiet } = options;
    const progress = createProgress({ title: run.folder, total: dataset.length, unit: "images", quiet });
    const onProgress = (images: number) => progress.update(images);
    const inspection = await inspectRun(run, { engine, dataset, workers, shown, signal, onProgress }).finally(
      progress.stop,
    );
    return { run, inspection };
  } catch (error) {
    if (!(error instanceof DeitError) || error instanceof InterruptedError) throw error;
    warn(sentence`${error.text} Its decisions are left out of the report.`);
    return { run, notInspected: worded(sentence`Its decisions are not shown: ${error.text}`) };
  }
}

function toJson({ run, inspection, notInspected }: ReportedRun) {
  const { folder, state, best } = run;
  return {
    ...{ folder, state, top1: best?.test?.top1 },
    ...(inspection
      ? {
          images: inspection.decisions.labels.length,
          calibrationError: calibration(inspection.decisions).error,
          hardest: inspection.hardest.map((e) => e.name),
          surestMistakes: inspection.surestMistakes.map((e) => e.name),
        }
      : { notInspected }),
  };
}
