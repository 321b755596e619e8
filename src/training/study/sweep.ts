/** Runs a grid cell by cell, each in its own run folder, so that it can be stopped and resumed at any time. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { requireImages } from "../../data/dataset/fewer.js";
import type { Engine } from "../../engines/engine.js";
import { DeitError, FileError, InterruptedError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { type Message, sentence, setting } from "../../errors/sentence.js";
import { evaluateHeads, type HeadResult } from "../../evaluation/evaluate-heads.js";
import { headLogits } from "../../evaluation/heads.js";
import { openModel } from "../../evaluation/open-model.js";
import { Probe } from "../../evaluation/probe.js";
import { viewLoader } from "../../evaluation/view-loader.js";
import type { Head } from "../../models/context.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { readJson } from "../../system/files/json-file.js";
import { asObject, JsonError, parseJson } from "../../system/text/json.js";
import { openForTraining, placeName } from "../feed/data-place.js";
import { measuredData } from "../feed/measured-data.js";
import { withoutBadImages } from "../feed/training-data.js";
import type { Cell } from "../recipe/grid.js";
import { changeText, recipeDifferences } from "../recipe/recipe.js";
import type { TrainOptions } from "../run/train-options.js";
import { train } from "../run/trainer.js";
import type { TrainEvent } from "../run-folder/events.js";
import type { Fold } from "./folds.js";
import { fastest, type LaneSpeed, laneSpeeds, tryLanes } from "./lanes.js";

export interface CellResult {
  readonly cell: Cell;
  readonly outcome: Outcome;
}

export type Outcome =
  /** Accuracy of the last epoch's weights: choosing the best epoch would be selecting on the test data. */
  | { readonly kind: "done"; readonly heads: Readonly<Partial<Record<Head, HeadResult>>>; readonly seconds: number }
  | { readonly kind: "failed"; readonly reason: Message }
  | { readonly kind: "missing" };

export interface SweepOptions
  extends Pick<
    TrainOptions,
    "data" | "validation" | "test" | "split" | "workers" | "onBadImage" | "precision" | "signal"
  > {
  readonly cells: readonly Cell[];
  /** What the cells of each fold hold out, instead of `split`. */
  readonly folds?: readonly Fold[];
  /**
   * Number of cells run concurrently, each on its own engine (default: 1); or the most that there may be, of which the
   * fastest number is measured with the first cell.
   */
  readonly lanes?: number | { readonly most: number };
  /** Folder of the sweep. */
  readonly output: string;
  /**
   * Opens an engine, one of so many that compute at the same time; called again after a cell has failed, since its
   * engine may have too.
   */
  readonly openEngine: (lanes: number) => Promise<Engine>;
  /** Called before the first cell that is run. */
  readonly onLanes?: (chosen: ChosenLanes) => void;
  /** Creates a listener for the training of a cell, which is notified when that ends. */
  readonly onCell?: (
    cell: Cell,
    number: number,
  ) => { readonly onEvent: (event: TrainEvent) => void; readonly stop: () => void };
}

/** How many cells run at once. */
export interface ChosenLanes {
  readonly lanes: number;
  /** The speeds by which that was chosen; none where there was no choice. */
  readonly measured: readonly LaneSpeed[];
  /** Number of cells that are not done. */
  readonly runs: number;
}

/**
 * Runs the cells that are not done, and resumes interrupted ones. A failing cell is reported in its result, and the
 * others are run; an interruption ends the sweep with the results so far. Throws UsageError if the folder contains
 * cells of other recipes or data, or a cell is to train on more images than there are, before any is run.
 */
export async function sweep(
  options: SweepOptions,
): Promise<{ readonly results: readonly CellResult[]; readonly interrupted: boolean }> {
  const { cells, signal } = options;
  const results: CellResult[] = [];
  for (const cell of cells) results.push({ cell, outcome: (await finished(cell, options)) ?? { kind: "missing" } });
  const waiting = [...results.keys()].filter((i) => results[i].outcome.kind !== "done");
  await requireTrainImages(
    waiting.map((i) => cells[i]),
    options,
  );
  const lanes = await chooseLanes(
    waiting.map((i) => cells[i]),
    options,
  );
  const lane = async () => {
    let engine: Engine | undefined;
    try {
      for (let i = waiting.shift(); i !== undefined && !signal?.aborted; i = waiting.shift()) {
        const cell = cells[i];
        try {
          engine ??= await options.openEngine(lanes);
          results[i] = { cell, outcome: await runCell(cell, i, engine, options) };
        } catch (error) {
          if (error instanceof InterruptedError) break;
          if (!(error instanceof DeitError)) throw error; // a bug, which would affect other cells too
          results[i] = { cell, outcome: { kind: "failed", reason: error.text } };
          await engine?.close().catch(() => undefined);
          engine = undefined;
        }
      }
    } catch (error) {
      waiting.length = 0; // the other lanes stop after their current cell
      throw error;
    } finally {
      await engine?.close();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return { results, interrupted: signal?.aborted ?? false };
}

/** Throws UsageError for numbers of training images (`trainImages`) that the data, or that of a fold, does not have. */
async function requireTrainImages(waiting: readonly Cell[], options: SweepOptions): Promise<void> {
  const { data, signal } = options;
  const asked = waiting.flatMap((cell) => {
    const { trainImages } = cell.recipe;
    return trainImages === undefined ? [] : [{ trainImages, rule: foldOf(cell, options)?.split ?? options.split }];
  });
  for (const rule of new Set(asked.map((one) => one.rule))) {
    const training = await openForTraining(data, { rule, signal });
    for (const one of asked) if (one.rule === rule) requireImages(training, one.trainImages);
  }
}

/** The number of lanes for the cells that are left. */
async function chooseLanes(waiting: readonly Cell[], options: SweepOptions): Promise<number> {
  const { lanes = 1 } = options;
  const runs = waiting.length;
  if (runs === 0) return 1;
  const measured = typeof lanes === "number" ? [] : await measureLanes(waiting, lanes.most, options);
  const chosen = typeof lanes === "number" ? Math.min(lanes, runs) : fastest(measured);
  options.onLanes?.({ lanes: chosen, measured, runs });
  return chosen;
}

/** Speeds of lanes that run the first of the cells. */
async function measureLanes(waiting: readonly Cell[], most: number, options: SweepOptions) {
  const [cell] = waiting;
  const trial = { ...options, split: foldOf(cell, options)?.split ?? options.split, recipe: cell.recipe };
  const measure = (lanes: number) => tryLanes(lanes, trial);
  return laneSpeeds({ most, runs: waiting.length, measure }).catch((error: unknown) => {
    // The run itself will fail for the same reason, and is reported; an interruption ends the sweep before its first run.
    if (error instanceof DeitError) return [];
    throw error;
  });
}

/** File of a cell's folder that marks it as done, with its result. */
const resultFile = "cell.json";

/** The fold of a cell. */
const foldOf = ({ fold }: Cell, { folds }: SweepOptions): Fold | undefined =>
  folds?.find(({ number }) => number === fold);

async function runCell(cell: Cell, number: number, engine: Engine, options: SweepOptions): Promise<Outcome> {
  const split = foldOf(cell, options)?.split ?? options.split;
  const output = join(options.output, cell.folder);
  const start = performance.now();
  const listener = options.onCell?.(cell, number);
  const resume = await stat(join(output, "recipe.json")).then(
    () => true,
    () => false,
  );
  const { interrupted } = await train({
    ...{ ...options, engine, output, resume, recipe: cell.recipe, split },
    onEvent: listener?.onEvent,
  }).finally(() => listener?.stop());
  if (interrupted) throw new InterruptedError("The sweep was interrupted.");
  const heads = await measure(output, engine, { ...options, split }, cell.fold !== undefined);
  const outcome = { kind: "done", heads, seconds: (performance.now() - start) / 1000 } as const;
  await writeFileAtomic(
    join(output, resultFile),
    `${JSON.stringify({ ...identity(cell, options), outcome }, null, 2)}\n`,
  );
  return outcome;
}

/** Accuracy of all heads with the weights of the last epoch. */
const measure = (output: string, engine: Engine, options: SweepOptions, isFold: boolean) =>
  measureWeights(join(output, "last.safetensors"), engine, options, isFold);

/**
 * Accuracy of all heads of the model in a file of weights, on the images that a sweep's cells are measured on; of a fold,
 * on those that `split` holds out, whatever other parts the data has.
 */
export async function measureWeights(
  path: string,
  engine: Engine,
  options: Pick<SweepOptions, "data" | "validation" | "test" | "split" | "workers" | "onBadImage" | "signal">,
  isFold = false,
): Promise<Readonly<Partial<Record<Head, HeadResult>>>> {
  const { model, view, weights, namedClasses: classes } = await openModel({ weights: path });
  const { test, final } = await measuredData(options, classes ?? []);
  const found = isFold ? test : (final ?? test);
  if (!found)
    throw new FileError(
      placeName(options.data),
      sentence`"${placeName(options.data)}" has no part for validation or testing; hold out a share with ${setting("split", 0.2)}, or give data with ${setting("validation")}.`,
    );
  // The run has checked its images; only those that it skipped are to be found again.
  const dataset = options.onBadImage === "skip" ? await withoutBadImages(found, options) : found;
  const probe = await Probe.create(engine, model, weights, headLogits(model));
  const batchSize = Math.min(64, dataset.length);
  const loader = viewLoader({ dataset, view, batchSize, workers: options.workers });
  try {
    const results = await evaluateHeads(probe, { loader, dataset, signal: options.signal });
    return Object.fromEntries(results) as Partial<Record<Head, HeadResult>>;
  } finally {
    await probe.dispose();
    await loader.close();
  }
}

/** The identity of a result. */
const identity = (cell: Cell, options: SweepOptions) => {
  const { data, validation, test, split } = options;
  const fold = foldOf(cell, options);
  return {
    recipe: cell.recipe,
    ...{ data, validation, test },
    ...(fold ? { fold: `${fold.number}: ${fold.identity}` } : { split }),
  };
};

/** A value as read back from a file: without what JSON omits. */
const written = <T>(value: T): T => parseJson(JSON.stringify(value)) as T;

/** The result of a finished cell; throws for one of a different recipe or different data. */
async function finished(cell: Cell, options: SweepOptions): Promise<Outcome | undefined> {
  const path = join(options.output, cell.folder, resultFile);
  const found = await readJson(path).catch((error: NodeJS.ErrnoException) => {
    // Damaged externally: the run still exists, and is evaluated again.
    if (error.code === "ENOENT" || error instanceof JsonError) return undefined;
    throw fileError(path, "read the result", error);
  });
  const saved = asObject(found);
  if (!saved || !asObject(saved.outcome) || !asObject(saved.recipe)) return undefined;
  const { recipe, ...rest } = written(identity(cell, options));
  const {
    recipe: savedRecipe,
    outcome,
    ...savedRest
  } = saved as ReturnType<typeof identity> & {
    readonly outcome: Outcome;
  };
  const changed = recipeDifferences({ ...savedRecipe, ...savedRest }, { ...recipe, ...rest });
  if (changed.length === 0) return outcome;
  const list = changed.map(changeText).join("; ");
  throw new UsageError(
    sentence`"${path}" is the result of another sweep: ${list}. Choose another ${setting("output")}, or remove that folder to run it again.`,
  );
}
