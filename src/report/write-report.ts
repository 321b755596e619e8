/** Writes the page of one run, or of several that are compared. */
import { join } from "node:path";
import type { OnOpening } from "../data/dataset/opening.js";
import type { Engine } from "../engines/engine.js";
import { DeitError, InterruptedError, UsageError } from "../errors/errors.js";
import { type Message, sentence } from "../errors/sentence.js";
import { calibration } from "../evaluation/decisions.js";
import type { OwnModel } from "../models/own-model.js";
import { writeFileAtomic } from "../system/files/atomic-file.js";
import type { DataPlace } from "../training/feed/data-place.js";
import { runTestData } from "../training/feed/run-data.js";
import { type RunSummary, summarizeRun } from "../training/run-folder/summary.js";
import type { ReportedRun } from "./reported-run.js";
import { inspectRun } from "./run-inspection.js";
import { runPage } from "./run-page.js";

/** What a report shows, and where it is written. */
export interface ReportOptions {
  /** Runs the best weights of each run on the images that it was tested on; without it, only the logs are shown. */
  readonly engine?: Engine;
  /** The definition of the runs' model, if it is a custom one. */
  readonly model?: OwnModel;
  /** Where the data is now, if it has moved; or the dataset of a run whose images were in memory. */
  readonly data?: DataPlace;
  /** The file to write (default: `report.html` in the folder of the first run). */
  readonly output?: string;
  /** Hardest images, and most confident mistakes, to show of each run (default: 12). */
  readonly shown?: number;
  /** Threads that read images (default: 0, this thread). */
  readonly workers?: number;
  /** Ends with InterruptedError. */
  readonly signal?: AbortSignal;
  /** Called while data is opened that takes long. */
  readonly onOpening?: OnOpening;
  /** Called with the number of images of a run that are done, and how many there are. */
  readonly onProgress?: (folder: string, images: number, total: number) => void;
  /** Called with a sentence for each run whose model cannot be run; the page says the same. */
  readonly onNote?: (sentence: Message) => void;
  /** Shows the settings that sentences name (default: as the library calls them). */
  readonly worded?: (text: Message) => string;
}

/** A run on the page. */
export interface RunOnReport {
  /** Its folder. */
  readonly folder: string;
  /** Whether it is still running, has reached its end, or was stopped before. */
  readonly state: "running" | "finished" | "stopped";
  /** Accuracy of the best epoch, in percent; undefined if none was measured. */
  readonly top1?: number;
  /** The same of several labels: mean average precision of the best epoch, in percent. */
  readonly map?: number;
  /** Number of images that its best weights were run on; undefined, like what follows, if they were not. */
  readonly images?: number;
  /** Expected calibration error, between 0 and 1. */
  readonly calibrationError?: number;
  /** Names of the images whose true class got the least probability, without the most confident mistakes. */
  readonly hardest?: readonly string[];
  /** Names of the most confident mistakes. */
  readonly surestMistakes?: readonly string[];
  /** Why its weights were not run, if they should have been. */
  readonly notInspected?: string;
}

/** A page that was written. */
export interface WrittenReport {
  /** The file. */
  readonly output: string;
  /** The runs on it. */
  readonly runs: readonly RunOnReport[];
}

/**
 * Writes one HTML file about a run, or comparing several: curves, confusions, mistakes with attention maps, calibration,
 * recipe and environment. A run whose model cannot be run, for example because its data has moved, is shown by its log.
 * Throws FileError for a folder that holds no run.
 *
 * @example
 * ```ts
 * import { openEngine } from "deit";
 * import { writeReport } from "deit/report";
 *
 * const engine = await openEngine("onnx");
 * const { output, runs } = await writeReport(["runs/photos"], { engine });
 * console.log(output, runs[0].hardest);
 * await engine.close();
 * ```
 */
export async function writeReport(folders: readonly string[], options: ReportOptions = {}): Promise<WrittenReport> {
  if (folders.length === 0) throw new UsageError("A report needs a run; give the folder of one or more.");
  const runs: ReportedRun[] = [];
  for (const run of await Promise.all([...new Set(folders)].map(summarizeRun)))
    runs.push(options.engine ? await inspected(run, options.engine, options) : { run });
  const output = options.output ?? join(folders[0], "report.html");
  await writeFileAtomic(output, runPage(runs, options.worded));
  return { output, runs: runs.map(rowOf) };
}

async function inspected(run: RunSummary, engine: Engine, options: ReportOptions): Promise<ReportedRun> {
  const { model, data, shown = 12, workers = 0, signal, onOpening, onProgress, onNote, worded = String } = options;
  if (run.epochs.length === 0)
    return { run, notInspected: "There are no weights yet, so its decisions are not shown." };
  try {
    const dataset = await runTestData(run, data, signal, onOpening);
    if (!dataset) return { run, notInspected: "Its data has no part for testing, so its decisions are not shown." };
    const done = (images: number) => onProgress?.(run.folder, images, dataset.length);
    const given = { engine, dataset, workers, shown, signal, ownModel: model };
    return { run, inspection: await inspectRun(run, { ...given, onProgress: done }) };
  } catch (error) {
    if (!(error instanceof DeitError) || error instanceof InterruptedError) throw error;
    onNote?.(sentence`${error.text} Its decisions are left out of the report.`);
    return { run, notInspected: worded(sentence`Its decisions are not shown: ${error.text}`) };
  }
}

function rowOf({ run, inspection, notInspected }: ReportedRun): RunOnReport {
  const { folder, state, best } = run;
  return {
    ...{ folder, state, top1: best?.test?.top1, map: best?.test?.map },
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
