/** `deit data check`: what is wrong with a dataset, and what to do about it. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { type CheckReport, checkData } from "../../../data/check/check.js";
import type { Finding } from "../../../data/check/finding.js";
import { toJson, toLines } from "../../../data/check/summary.js";
import { wholeNumber } from "../../options/options.js";
import { requireWritable } from "../../output/file.js";
import { interruptible } from "../../output/interruption.js";
import { openingBars } from "../../output/opening-progress.js";
import { print } from "../../output/output.js";
import { createProgress, type Progress } from "../../output/progress.js";
import { worded } from "../../output/wording.js";

/** Exit code of a check that found something serious. */
const foundSerious = 9;

export function define(command: Command): void {
  command
    .argument("<data>", "the data, as for training; all its parts are checked, also against each other")
    .option("--html <file>", "write a page with images, one self-contained file")
    .option("--workers <threads>", "threads that look at images", wholeNumber(1), availableParallelism())
    .option("--json", "print one JSON value with all findings")
    .addHelpText(
      "after",
      `
Finds images that cannot be read, copies (also re-encoded, resized or mirrored ones), the same image in training and test
parts, imbalanced and empty classes, and images that are too small, too elongated or too large. The exit code is 0 if nothing
serious is found, and ${foundSerious} otherwise.

Example:
  deit data check photos/ --html photos.html`,
    )
    .action((path: string, options: Options) => interruptible((signal) => run(path, options, signal)));
}

interface Options {
  readonly html?: string;
  readonly workers: number;
  readonly json?: boolean;
}

async function run(path: string, options: Options, signal: AbortSignal): Promise<void> {
  await requireWritable("--html", options.html);
  const found = await withProgress(options.json ?? false, (onProgress) =>
    checkData(path, { workers: options.workers, signal, onProgress, onOpening: openingBars() }),
  );
  const inWords = (f: Finding) => ({ ...f, sentence: worded(f.sentence), advice: worded(f.advice) });
  const report = { ...found, findings: found.findings.map(inWords) };
  if (options.html !== undefined) {
    const { writeDataPage } = await import("../../../report/data-page.js");
    await writeDataPage(options.html, report, signal);
  }
  if (options.json) print(JSON.stringify(toJson(report)));
  else for (const line of toLines(report)) print(worded(line));
  if (report.findings.some((f) => f.severity === "serious")) process.exitCode = foundSerious;
}

/** Shows one progress bar for examining the images and one for comparing them. */
async function withProgress(
  quiet: boolean,
  work: (onProgress: (done: number, total: number, doing: string) => void) => Promise<CheckReport>,
): Promise<CheckReport> {
  let progress: Progress | undefined;
  let shown = "";
  try {
    return await work((done, total, doing) => {
      if (doing !== shown) {
        progress?.stop();
        progress = createProgress({ title: doing, total, unit: "images", quiet });
        shown = doing;
      }
      progress?.update(Math.floor(done));
    });
  } finally {
    progress?.stop();
  }
}
