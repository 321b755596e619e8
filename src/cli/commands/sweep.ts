/**
 * `deit sweep`: train a grid of recipes and seeds, and report mean and standard deviation (tables 3 and 8 of the
 * paper).
 */
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { parseSplitRule } from "../../data/dataset/split.js";
import { chooseEngine, type EngineChoice, openEngine } from "../../engines/open.js";
import { InterruptedError, TrainingError, UsageError } from "../../errors/errors.js";
import type { Message } from "../../errors/sentence.js";
import { chartPng, drawChart } from "../../report/plot.js";
import { sweepCells, sweepChart, sweepHead, sweepRows } from "../../report/sweep-table.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { makeResultsFolder } from "../../system/files/folder-entries.js";
import { makeFolder } from "../../system/files/make-folder.js";
import { parseJson } from "../../system/text/json.js";
import { threadShare } from "../../system/threads/thread-share.js";
import { openForTraining } from "../../training/feed/data-place.js";
import { applySettings, readRecipe } from "../../training/recipe/file.js";
import { type Cell, cellsOf, crossed, type Grid, parseGrid, readGrid } from "../../training/recipe/grid.js";
import { type Fold, writeFolds } from "../../training/study/folds.js";
import { type CellResult, type SweepOptions, sweep } from "../../training/study/sweep.js";
import { chosenSettings, chosenSplit, noteUnless } from "../inputs/chosen-run.js";
import { collected } from "../options/lists.js";
import {
  chosenSplitOption,
  engineOptions,
  parseSeeds,
  warnOfPassedOver,
  wholeNumber,
  workersOption,
} from "../options/options.js";
import { changedBy } from "../options/recipe.js";
import { namedAfter, requireOutside } from "../output/file.js";
import { type Ending, interruptible } from "../output/interruption.js";
import { openingBars } from "../output/opening-progress.js";
import { note, print, warn } from "../output/output.js";
import { runsProgress } from "../output/runs-progress.js";
import { markdownTable, textTable } from "../output/table.js";
import { trainingProgress } from "../output/training-progress.js";
import { worded } from "../output/wording.js";
import { relaunched } from "../processes/relaunched.js";

export function define(command: Command): void {
  chosenSplitOption(engineOptions(command))
    .argument("<data>", "images with labels, or procedural")
    .option("--grid <name>", "table3, table8, table8-finetuning, or a JSON file with variants, vary and seeds")
    .option("--recipe <recipe>", "base recipe that the rows change: a file or a packaged name")
    .option(
      "--set <key=value ...>",
      "settings shared by all runs, such as epochs=20 or teacherWeights=runs/teacher",
      collected,
    )
    .option("--vary <key=values ...>", "settings to try, such as lr=1e-3,5e-4; every combination is run", collected)
    .option("--seeds <seeds>", "seeds of each row, such as 0,1,2 (default: the grid's own)")
    .option(
      "--folds <n>",
      "cross-validate: divide the training images into n folds, and run every row once for each, which is held out and measured",
      wholeNumber(2),
    )
    .option("--output <folder>", "folder of the sweep (default: runs/sweep-<data>)")
    .option("--validation <data>", "data to choose the best epochs on (default: the validation part)")
    .option("--test <data>", "data to measure the last epochs on (default: the test part)")
    .option(
      "--lanes <n>",
      "runs at once, each with its share of the threads (default: what is fastest on this machine, measured at the start)",
      wholeNumber(1),
    )
    .addOption(workersOption())
    .option("--plan", "print the runs and stop")
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      "\nExamples:\n  deit sweep photos/ --recipe small-data --vary lr=3e-4,1e-3 dropPath=0,0.1 --seeds 0,1,2\n  deit sweep photos/ --recipe small-data --folds 5\n  deit sweep cifar10/ --grid table3 --recipe cifar10-cpu --set teacherWeights=runs/teacher\n\nRun the same command again to continue an interrupted sweep; finished runs are not repeated.",
    )
    .action((data: string, options: Options) => interruptible((signal, ending) => run(data, options, signal, ending)));
}

interface Options extends EngineChoice {
  readonly split?: string;
  readonly grid?: string;
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly vary?: readonly string[];
  readonly seeds?: string;
  readonly folds?: number;
  readonly output?: string;
  readonly validation?: string;
  readonly test?: string;
  readonly lanes?: number;
  readonly workers: number;
  readonly plan?: boolean;
  readonly json?: boolean;
}

async function run(data: string, options: Options, signal: AbortSignal, ending: Ending): Promise<void> {
  if (options.folds !== undefined) refuseOtherParts(options);
  if (!options.plan && (await relaunched(options, ending))) return;
  const grid = await resolveGrid(options);
  const recipe = options.recipe ?? grid.recipe;
  const note = noteUnless(options.json);
  const { split, base } = await basis(data, { grid, recipe }, options, note);
  const rows = cellsOf(grid, changedBy(options, base));
  const cells = options.folds === undefined ? rows : crossed(rows, options.folds);
  if (options.plan) return printPlan(cells, options.json);
  ending.outlivesOutput();
  const output = options.output ?? `runs/sweep-${namedAfter(data)}`;
  const below = await requireOutside(data, output);
  if (below) await makeResultsFolder(below);
  const { engine: chosen } = await chooseEngine(options);
  ending.saves("this step");
  const folds = options.folds === undefined ? undefined : await foldsIn(output, data, options.folds, signal);
  const threads = options.threads ?? availableParallelism();
  const show = showing(cells, options);
  const { results, interrupted } = await sweep({
    ...{ cells, folds, data, output, signal },
    // XLA divides the processor by itself, and an accelerator is not divided.
    lanes: options.lanes ?? (chosen === "onnx" ? { most: threads } : 1),
    onLanes: show.onLanes,
    ...{ validation: options.validation, test: options.test, workers: options.workers },
    split: await parseSplitRule(split),
    openEngine: (lanes) =>
      openEngine(
        { ...options, onNote: warn, ...(lanes === 1 ? {} : { threads: threadShare(threads, lanes) }) },
        warnOfPassedOver,
      ),
    onCell: show.onCell,
  });
  const title = `${options.grid ? basename(options.grid, ".json") : "Sweep"} on ${basename(data)}`;
  await report(results, title, output, options.json ?? false);
  if (interrupted)
    throw new InterruptedError(`The sweep was interrupted; the same command continues with it in "${output}".`);
  const failed = results.filter((r) => r.outcome.kind === "failed");
  if (failed.length > 0)
    throw new TrainingError(
      `${failed.length} of ${results.length} runs failed: ${failed.map(failure).join(" ")} The same command tries them again.`,
    );
}

/** Shows the runs: each with a bar of its own if they follow one another, all in one bar if some run at once. */
function showing(
  cells: readonly Cell[],
  { folds, json = false }: Options,
): Required<Pick<SweepOptions, "onLanes" | "onCell">> {
  const name = ({ row, seed, fold }: Cell) =>
    `${row}, ${fold === undefined ? "" : `fold ${fold} of ${folds}, `}seed ${seed}`;
  let together: ReturnType<typeof runsProgress> | undefined;
  return {
    onLanes: ({ lanes, measured, runs }) => {
      if (lanes > 1) together = runsProgress(`${runs} runs, ${lanes} at once`, runs, json);
      if (measured.length < 2 || json) return;
      const speeds = measured.map((m) => `${m.lanes} at once: ${m.imagesPerSecond.toFixed(0)} images/s`);
      note(`training ${lanes === 1 ? "one run after another" : `${lanes} runs at once`} (${speeds.join(", ")})`);
    },
    onCell: (cell, number) =>
      together?.(name(cell)) ?? trainingProgress(`[${number + 1}/${cells.length}] ${name(cell)}`, json),
  };
}

/** Throws UsageError for options that say what is measured, which the folds do. */
function refuseOtherParts({ split, validation, test }: Options): void {
  const [given] = Object.entries({ split, validation, test }).find(([, value]) => value !== undefined) ?? [];
  if (given !== undefined)
    throw new UsageError(
      `--folds measures every run on the images that its fold holds out, so --${given} has nothing to say; leave one of them out.`,
    );
}

/** Divides the training images into folds, whose files are in the folder of the sweep. */
async function foldsIn(output: string, data: string, folds: number, signal: AbortSignal): Promise<readonly Fold[]> {
  const training = await openForTraining(data, { signal, onProgress: openingBars() });
  await makeFolder(output, "the folder of the sweep");
  return writeFolds(training, { folds, output, signal, onWarning: warn });
}

const failure = ({ cell, outcome }: CellResult): string =>
  `"${cell.row}"${cell.fold === undefined ? "" : ` on fold ${cell.fold}`} with seed ${cell.seed}: ${outcome.kind === "failed" ? worded(outcome.reason) : ""}`;

/**
 * How the data is divided, and the recipe that is varied: the given one, else one that fits the data, except for grids
 * from a file, whose rows are complete.
 */
async function basis(
  data: string,
  { grid, recipe }: { readonly grid: Grid; readonly recipe?: string },
  options: Options,
  note: (message: Message) => void,
) {
  const chosen = await chosenSplit({ ...options, ...(options.folds ? { split: "given" } : {}), data }, note);
  // What is varied is decided on; its values do not matter to the choice.
  const varied = Object.keys(grid.vary).map((key) => `${key}=null`);
  const asked = { data, ...chosen, set: [...(options.set ?? []), ...varied], steps: true };
  const unnamed = async () => (options.grid === undefined ? chosenSettings(asked, note) : {});
  return { split: chosen.split, base: await (recipe === undefined ? unnamed() : readRecipe(recipe)) };
}

async function resolveGrid({ grid, vary = [], seeds, folds }: Options): Promise<Grid> {
  const base = grid === undefined ? parseGrid({}, "of the command") : await readGrid(grid);
  if (grid === undefined && vary.length === 0 && seeds === undefined && folds === undefined)
    throw new UsageError("There is nothing to vary; give --grid, --vary, --seeds or --folds.");
  return {
    ...base,
    vary: { ...base.vary, ...Object.fromEntries(vary.map(variedSetting)) },
    seeds: seeds === undefined ? base.seeds : parseSeeds(seeds),
  };
}

function variedSetting(text: string): [string, unknown[]] {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`--vary got "${text}"; write key=value,value, such as depth=4,6.`);
  return [text.slice(0, at), valuesOf(text.slice(at + 1))];
}

/** Comma-separated values: JSON, so that a value may be a list, or else plain strings. */
function valuesOf(text: string): unknown[] {
  try {
    return parseJson(`[${text}]`) as unknown[];
  } catch {
    return text.split(",").map((value) => Object.values(applySettings({}, [`value=${value}`]))[0]);
  }
}

function printPlan(cells: readonly Cell[], json = false): void {
  if (json) print(JSON.stringify(cells));
  else
    print(
      textTable(
        ["run", ...(cells[0]?.fold ? ["fold"] : []), "seed", "epochs", "folder"],
        cells.map((c) => [
          ...[c.row, ...(c.fold ? [String(c.fold)] : [])],
          ...[String(c.seed), String(c.recipe.epochs), c.folder],
        ]),
      ),
    );
}

/** Writes the table as Markdown and JSON and the plot next to the runs, and prints the table. */
async function report(results: readonly CellResult[], title: string, output: string, json: boolean): Promise<void> {
  const rows = sweepRows(results);
  const runs = results.map(({ cell: { row, fold, seed, folder }, outcome }) => ({
    ...{ row, fold, seed, folder },
    ...outcome,
  }));
  const table = sweepCells(rows);
  const svg = drawChart(sweepChart(title, rows));
  await makeFolder(output, "the folder of the sweep");
  await writeFileAtomic(join(output, "sweep.json"), `${JSON.stringify({ rows, runs }, null, 2)}\n`);
  await writeFileAtomic(join(output, "sweep.md"), `${markdownTable(sweepHead(rows), table)}\n`);
  await writeFileAtomic(join(output, "sweep.svg"), svg);
  await writeFileAtomic(join(output, "sweep.png"), await chartPng(svg));
  if (json) print(JSON.stringify({ rows, runs, folder: output }));
  else
    print(
      `${textTable(sweepHead(rows), table)}\n\ntable and plot: ${join(output, "sweep.md")}, sweep.json, sweep.svg, sweep.png`,
    );
}
