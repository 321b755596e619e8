/** `deit demo`: the paper in miniature, on built-in images: a convnet teaches transformers (table 3), offline, in minutes. */
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { type EngineChoice, openEngine } from "../../engines/open.js";
import { InterruptedError, TrainingError } from "../../errors/errors.js";
import { chartPng, drawChart } from "../../report/plot.js";
import { type SweepRow, sweepChart, sweepRows } from "../../report/sweep-table.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { duration } from "../../system/text/duration.js";
import { type Cell, cellsOf, parseGrid } from "../../training/recipe/grid.js";
import { parseRecipe } from "../../training/recipe/recipe.js";
import type { EpochRecord } from "../../training/run-folder/events.js";
import { type CellResult, sweep } from "../../training/study/sweep.js";
import { buildTeacherCache } from "../../training/teacher/cache.js";
import {
  imageSize,
  linearRecipe,
  softDistillation,
  studentRecipe,
  studentVariants,
  teacherRecipe,
} from "../demo-recipes.js";
import { parseSeeds, wholeNumber, withEngine } from "../options/options.js";
import { interruptible } from "../output/interruption.js";
import { note, print, warn } from "../output/output.js";
import { createProgress, type Progress } from "../output/progress.js";
import { fits, markdownTable, screenColumns, textTable } from "../output/table.js";
import { epochLine, trainingProgress } from "../output/training-progress.js";

export function define(command: Command): void {
  command
    .option("--epochs <n>", "epochs for teacher and students", wholeNumber(1), 12)
    .option("--images <n>", "training images", wholeNumber(128), 2000)
    .option("--test-images <n>", "test images", wholeNumber(10), 1000)
    .option("--seeds <seeds>", "seeds of each student, such as 0,1,2", "0")
    .option("--output <folder>", "folder of the runs (replaced)", "runs/demo")
    .option("--threads <threads>", "threads of the engine", wholeNumber(1))
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExamples:\n  deit demo\n  deit demo --seeds 0,1,2 --epochs 24 --images 4000")
    .action((options: Options) => interruptible((signal) => run(options, signal)));
}

interface Options {
  readonly epochs: number;
  readonly images: number;
  readonly testImages: number;
  readonly seeds: string;
  readonly output: string;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Figures of a run besides its accuracy. */
interface Cost {
  readonly parameters: number;
  readonly imagesPerSecond: number;
}

interface Row extends SweepRow, Partial<Cost> {}

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const { epochs, output, json = false } = options;
  const seeds = parseSeeds(options.seeds);
  const runs = 2 + seeds.length * Object.keys(studentVariants).length;
  const data = `procedural:${imageSize}:${options.images}`;
  const threads = options.threads ?? availableParallelism();
  const engineChoice: EngineChoice = { engine: "onnx", threads };
  const workers = Math.max(1, availableParallelism() - 1);
  const costs = new Map<string, Cost>();
  const results: CellResult[] = [];
  const start = performance.now();
  await rm(output, { recursive: true, force: true });

  const train = async (cells: readonly Cell[], lanes = 1) => {
    const before = results.length;
    const shown =
      lanes > 1
        ? studentsProgress(`[${before + 1}–${runs}/${runs}] students, ${lanes} at once`, cells.length, json)
        : undefined;
    const done = await sweep({
      ...{ cells, lanes, data, output, workers, signal, test: `procedural:${imageSize}:${options.testImages}` },
      openEngine: () => openEngine(lanes === 1 ? engineChoice : { ...engineChoice, threads: 1 }),
      onCell: ({ row }, number) =>
        noting(costs, row, shown?.(row) ?? trainingProgress(`[${before + number + 1}/${runs}] ${row}`, json)),
    });
    if (done.interrupted) throw new InterruptedError("The demo was interrupted.");
    for (const { outcome } of done.results) if (outcome.kind === "failed") throw new TrainingError(outcome.reason);
    results.push(...done.results);
  };

  const baselines = parseGrid(
    {
      variants: {
        "linear classifier": { ...linearRecipe, epochs: Math.min(epochs, 4) },
        teacher: { ...teacherRecipe, epochs },
      },
    },
    "baselines",
  );
  const [linear, teacher] = cellsOf(baselines, {});
  await train([linear, teacher]);

  // All students with a seed get the same views, so the teacher's outputs are computed once for all of them.
  const teacherWeights = join(output, teacher.folder, "last.safetensors");
  const students: Cell[] = [];
  for (const seed of seeds) {
    const teacherCache = join(output, "answers", `seed-${seed}`);
    const recipe = parseRecipe({ ...studentRecipe, ...softDistillation, epochs, seed, teacherWeights });
    let progress: Progress | undefined;
    await withEngine(engineChoice, (engine) =>
      buildTeacherCache({
        ...{ recipe, engine, data, output: teacherCache, workers, signal },
        onProgress: (views, total) => {
          progress ??= createProgress({ title: "the teacher answers", total, unit: "views", quiet: json });
          progress.update(views);
        },
      }),
    ).finally(() => progress?.stop());
    const variants = Object.entries(studentVariants).map(([name, changes]) => [
      name,
      "distillation" in changes ? { ...changes, teacherCache } : changes,
    ]);
    const grid = parseGrid({ variants: Object.fromEntries(variants), seeds: [seed] }, "students");
    students.push(...cellsOf(grid, { ...studentRecipe, epochs }));
  }
  // Such small programs hardly benefit from a second thread, so each thread trains its own student.
  await train(students, Math.min(threads, students.length));
  await report({ results, costs, options, seconds: (performance.now() - start) / 1000 });
}

type Watcher = ReturnType<typeof trainingProgress>;

/** Records the cost of a cell, in addition to showing its progress. */
function noting(costs: Map<string, Cost>, row: string, shown: Watcher): Watcher {
  let parameters = 0;
  return {
    stop: shown.stop,
    onEvent: (event) => {
      // The demo's recipes are not meant to be changed, and its small models recover from such jumps.
      if (event.kind === "warning" && event.about === "loss jump") return;
      shown.onEvent(event);
      if (event.kind === "start") parameters = event.parameters;
      // The last epoch is representative: the first one compiles and warms up.
      if (event.kind === "epoch") costs.set(row, { parameters, imagesPerSecond: event.record.imagesPerSecond });
    },
  };
}

/** One progress bar for all students, and a line for each that finishes. */
function studentsProgress(title: string, students: number, quiet: boolean): (row: string) => Watcher {
  let progress: Progress | undefined;
  let [images, ended] = [0, 0];
  return (row) => {
    let last: EpochRecord | undefined;
    return {
      stop: () => {
        if (last && !quiet) note(`${row}: ${epochLine(last)}`);
        if (++ended === students) progress?.stop();
      },
      onEvent: (event) => {
        if (event.kind === "start")
          progress ??= createProgress({
            ...{ title, total: students * event.steps * event.batchSize, unit: "images", quiet },
          });
        else if (event.kind === "step") {
          images += event.images;
          progress?.update(images);
        } else if (event.kind === "epoch") last = event.record;
        else if (event.kind === "warning") warn(event.sentence ?? event.message);
      },
    };
  };
}

const head = ["", "top-1 (%)", "", "parameters", "images/s"];
/** The column of `head` that shows accuracy as a bar, and may be omitted. */
const barColumn = 2;

interface Outcome {
  readonly results: readonly CellResult[];
  readonly costs: ReadonlyMap<string, Cost>;
  readonly options: Options;
  readonly seconds: number;
}

/** Writes table and plot next to the runs, and prints the table. */
async function report({ results, costs, options, seconds }: Outcome): Promise<void> {
  const { output, images, testImages, epochs } = options;
  const chance: Row = {
    ...{ row: "chance", top1: 10, top1Deviation: 0, top5: 50, top5Deviation: 0, seeds: 1, failed: 0, missing: 0 },
  };
  const rows: Row[] = [chance, ...sweepRows(results).map((row) => ({ ...row, ...costs.get(row.row) }))];
  const cells = rows.map((r) => [
    r.head ? `${r.row}: ${r.head === "both" ? "both heads" : `${r.head} head`}` : r.row,
    `${r.top1.toFixed(1)}${r.seeds > 1 ? ` ± ${r.top1Deviation.toFixed(1)}` : ""}`,
    "█".repeat(Math.round(r.top1 / 4)).padEnd(25, "·"),
    r.parameters === undefined ? "" : `${(r.parameters / 1e6).toFixed(2)} M`,
    r.imagesPerSecond === undefined ? "" : r.imagesPerSecond.toFixed(0),
  ]);
  const title = `A convnet teaches transformers: ${images} images, ${epochs} epochs`;
  const most = 10 * Math.ceil(Math.max(...rows.map((r) => r.top1)) / 10);
  const svg = drawChart({ ...sweepChart(title, rows), x: { label: "top-1 (%)", domain: [0, most] } });
  const summary = { images, testImages, epochs, seconds, rows, folder: output };
  await writeFileAtomic(join(output, "table3.svg"), svg);
  await writeFileAtomic(join(output, "table3.png"), await chartPng(svg));
  await writeFileAtomic(join(output, "table3.md"), `${markdownTable(head, cells)}\n`);
  await writeFileAtomic(join(output, "table3.json"), `${JSON.stringify(summary, null, 2)}\n`);
  if (options.json) print(JSON.stringify(summary));
  else print(`\n${screenTable(cells)}\n\n${explained(rows, options, seconds)}`);
}

/** The table without bars if the screen is too narrow for them. */
function screenTable(cells: readonly (readonly string[])[]): string {
  const whole = textTable(head, cells, Number.POSITIVE_INFINITY);
  if (fits(whole, screenColumns())) return whole;
  const withoutBars = (row: readonly string[]) => row.filter((_, column) => column !== barColumn);
  return textTable(withoutBars(head), cells.map(withoutBars));
}

/** Explains the table and its statistical significance. */
function explained(rows: readonly Row[], { testImages, output, seeds }: Options, seconds: number): string {
  const top1 = (name: string) => rows.find((r) => r.row === name)?.top1 ?? 0;
  // Two standard errors of the difference of two shares near one half.
  const chance = 200 * Math.sqrt(0.5 / testImages);
  const oneSeed = parseSeeds(seeds).length === 1;
  const ahead = top1("teacher") - top1("DeiT, no distillation") > chance;
  return [
    `The convnet is ${ahead ? "" : "not clearly "}ahead of a DeiT that learns alone${ahead ? "" : ", so here it may have nothing to teach"}.`,
    `With ${testImages} test images, differences below ${chance.toFixed(1)} points may be chance${oneSeed ? "; how far seeds lie apart, one seed does not tell (try --seeds 0,1,2)" : "; ± is the standard deviation over the seeds"}.`,
    `That took ${duration(seconds)}. All runs, table3.svg and table3.png are in ${output}.`,
    `Next: deit train <your folder of images> --finetune hub`,
  ].join("\n");
}
