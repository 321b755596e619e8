/** `deit report`: write a page about one run, or comparing several. */
import type { Command } from "commander";
import type { Engine } from "../../engines/engine.js";
import type { EngineChoice } from "../../engines/open.js";
import { writeReport } from "../../report/write-report.js";
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
  const { data, output, shown, workers, json: quiet } = options;
  const progress = bars(quiet);
  const common = { data, output, shown, workers, signal, onOpening: openingBars(), worded };
  const write = (engine?: Engine) =>
    writeReport(folders, { ...common, engine, onProgress: progress.update, onNote: warn }).finally(progress.stop);
  const written = options.logOnly ? await write() : await withEngine(options, write);
  if (options.json) print(JSON.stringify(written));
  else print(`report: ${written.output}`);
}

/** A progress bar for each run in turn. */
function bars(quiet: boolean | undefined) {
  let current: { readonly folder: string; readonly bar: ReturnType<typeof createProgress> } | undefined;
  const stop = () => current?.bar.stop();
  return {
    stop,
    update: (folder: string, images: number, total: number) => {
      if (current?.folder !== folder) {
        stop();
        current = { folder, bar: createProgress({ title: folder, total, unit: "images", quiet }) };
      }
      current.bar.update(images);
    },
  };
}
