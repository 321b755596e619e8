/** `deit demo`: the paper in miniature, on built-in images: a convnet teaches transformers (table 3), offline, in minutes. */
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { Engine } from "../../engines/engine.js";
import { type EngineChoice, openEngine } from "../../engines/open.js";
import { InterruptedError, TrainingError } from "../../errors/errors.js";
import { openModel } from "../../evaluation/open-model.js";
import { threadShare } from "../../system/threads/thread-share.js";
import { type Cell, cellsOf, parseGrid } from "../../training/recipe/grid.js";
import { parseRecipe } from "../../training/recipe/recipe.js";
import { type CellResult, measureWeights, type SweepOptions, sweep } from "../../training/study/sweep.js";
import { buildTeacherCache } from "../../training/teacher/cache.js";
import {
  demoData,
  linearRecipe,
  softDistillation,
  studentOf,
  studentVariants,
  teacherRecipe,
  teacherWeights,
} from "../demo-recipes.js";
import { type Cost, type DemoOptions, report } from "../demo-report.js";
import { parseSeeds, wholeNumber, withEngine } from "../options/options.js";
import { interruptible } from "../output/interruption.js";
import { createProgress, type Progress } from "../output/progress.js";
import { type RunWatcher, runsProgress } from "../output/runs-progress.js";
import { trainingProgress } from "../output/training-progress.js";

/** No more, so that none of the images is one that the teacher has learned from. */
const mostImages = 100_000;

export function define(command: Command): void {
  command
    .option("--epochs <n>", "epochs of the students", wholeNumber(1), 60)
    .option("--images <n>", "training images", wholeNumber(128, mostImages), 300)
    .option("--test-images <n>", "test images", wholeNumber(10), 1000)
    .option("--seeds <seeds>", "seeds of each student, such as 0,1,2", "0")
    .option("--output <folder>", "folder of the runs (replaced)", "runs/demo")
    .option("--threads <threads>", "threads of the engine", wholeNumber(1))
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExamples:\n  deit demo\n  deit demo --seeds 0,1,2 --epochs 120 --images 500")
    .action((options: DemoOptions) => interruptible((signal) => run(options, signal)));
}

/** Images of the test set on which the curves are drawn. */
const curveImages = 200;

async function run(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const { epochs, output, testImages, json = false } = options;
  const seeds = parseSeeds(options.seeds);
  const runs = 1 + seeds.length * Object.keys(studentVariants).length;
  const threads = options.threads ?? availableParallelism();
  const engineChoice: EngineChoice = { engine: "onnx", threads };
  const workers = Math.max(1, availableParallelism() - 1);
  const place = {
    ...{ data: demoData(options.images), test: demoData(testImages), workers, signal },
    validation: demoData(Math.min(curveImages, testImages)),
  };
  const costs = new Map<string, Cost>();
  const results: CellResult[] = [];
  const start = performance.now();
  await rm(output, { recursive: true, force: true });

  const train = async (cells: readonly Cell[], lanes: SweepOptions["lanes"] = 1) => {
    const before = results.filter(({ cell }) => cell.row !== teacherRow).length;
    let together: ReturnType<typeof runsProgress> | undefined;
    const done = await sweep({
      ...{ ...place, cells, lanes, output },
      openEngine: (lanes) => openEngine({ ...engineChoice, threads: threadShare(threads, lanes) }),
      onLanes: ({ lanes }) => {
        const title = `[${before + 1}–${runs}/${runs}] students, ${lanes} at once`;
        if (lanes > 1) together = runsProgress(title, cells.length, json);
      },
      onCell: ({ row }, number) =>
        noting(costs, row, together?.(row) ?? trainingProgress(`[${before + number + 1}/${runs}] ${row}`, json)),
    });
    if (done.interrupted) throw new InterruptedError("The demo was interrupted.");
    for (const { outcome } of done.results) if (outcome.kind === "failed") throw new TrainingError(outcome.reason);
    results.push(...done.results);
  };

  const linear = parseGrid({ variants: { "linear classifier": linearRecipe } }, "baselines");
  await train(cellsOf(linear, { epochs: Math.min(epochs, 10) }));
  results.push(
    await withEngine(engineChoice, (engine) =>
      measureTeacher(costs, () => measureWeights(teacherWeights(), engine, place)),
    ),
  );

  // All students with a seed get the same views, so the teacher's outputs are computed once for all of them.
  const students: Cell[] = [];
  await withEngine(engineChoice, async (engine) => {
    for (const seed of seeds) students.push(...(await taughtStudents(seed, engine)));
  });

  async function taughtStudents(seed: number, engine: Engine): Promise<Cell[]> {
    const teacherCache = join(output, "answers", `seed-${seed}`);
    const teaching = { ...softDistillation, teacherWeights: teacherWeights() };
    let progress: Progress | undefined;
    await buildTeacherCache({
      ...{ engine, data: place.data, output: teacherCache, workers, signal },
      recipe: parseRecipe({ ...studentOf(epochs), ...teaching, seed }),
      onProgress: (views, total) => {
        progress ??= createProgress({ title: "the teacher answers", total, unit: "views", quiet: json });
        progress.update(views);
      },
    }).finally(() => progress?.stop());
    const variants = Object.entries(studentVariants).map(([name, changes]) => [
      name,
      "distillation" in changes ? { ...changes, teacherCache } : changes,
    ]);
    const grid = parseGrid({ variants: Object.fromEntries(variants), seeds: [seed] }, "students");
    return cellsOf(grid, studentOf(epochs));
  }

  // Such small programs hardly benefit from a second thread: how many are trained at once is measured.
  await train(students, { most: threads });
  await withEngine(engineChoice, (engine) =>
    report({ results, costs, options, workers, signal, engine, seconds: () => (performance.now() - start) / 1000 }),
  );
}

const teacherRow = "teacher";

/** The accuracy of the teacher, which comes with the package. */
async function measureTeacher(
  costs: Map<string, Cost>,
  measure: () => ReturnType<typeof measureWeights>,
): Promise<CellResult> {
  const start = performance.now();
  const { weights } = await openModel({ weights: teacherWeights() });
  const parameters = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  costs.set(teacherRow, { parameters });
  const heads = await measure();
  const cell = { row: teacherRow, seed: 0, recipe: parseRecipe(teacherRecipe), folder: teacherRow };
  return { cell, outcome: { kind: "done", heads, seconds: (performance.now() - start) / 1000 } };
}

/** Records the cost of a cell, in addition to showing its progress. */
function noting(costs: Map<string, Cost>, row: string, shown: RunWatcher): RunWatcher {
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
