/** `deit teach`: store a teacher's outputs for all views of a recipe, for any number of students. */
import type { Command } from "commander";
import type { EngineChoice } from "../../engines/open.js";
import { UsageError } from "../../errors/errors.js";
import { makeResultsFolder } from "../../system/files/folder-entries.js";
import { shellWord } from "../../system/text/shell-word.js";
import { needsTeacher, teachersOf } from "../../training/recipe/teachers.js";
import { buildTeacherCache } from "../../training/teacher/cache.js";
import { placesInWords, type StoredSize } from "../../training/teacher/manifest.js";
import { chosenRun, noteUnless } from "../inputs/chosen-run.js";
import { chosenSplitOption, engineOptions, wholeNumber, withEngine, workersOption } from "../options/options.js";
import { type Asked, dataAndRecipe, type RecipeChoice, recipeOptions, requireData } from "../options/recipe.js";
import { requireOutside } from "../output/file.js";
import { type Ending, interruptible } from "../output/interruption.js";
import { preparing } from "../output/opening-progress.js";
import { print } from "../output/output.js";
import { createProgress, type Progress } from "../output/progress.js";
import { relaunched } from "../processes/relaunched.js";

export function define(command: Command): void {
  chosenSplitOption(recipeOptions(engineOptions(command)))
    .requiredOption("--output <folder>", "folder for the predictions; an unfinished one is continued")
    .option("--top-k <logits>", "all modes but hard: logits kept per view (default: 100)", wholeNumber(1))
    .option(
      "--features <layer>",
      "also store a layer of the teacher (features.teacher of the recipe), such as s3 or blocks.5",
    )
    .option("--on-bad-image <what>", "stop or skip", "stop")
    .addOption(workersOption())
    .option("--json", "print one JSON value at the end")
    .addHelpText(
      "after",
      `
The stored predictions are valid for the views of this recipe: its seed, batch, crops, mixing and erasing. Any student that
sees the same views can use them, whatever its model, learning rate, loss or regularisation.

Features take far more space than predictions. The size of all is told before the first is stored; fewer places
(--set features.grid=1) and fewer epochs (--set features.until=0.5) make it smaller.

Examples:
  deit teach recipe.json photos/ --set distillation=hard teacherWeights=runs/teacher --output answers/
  deit train recipe.json photos/ --set distillation=hard distilled=true teacherCache=answers/
  deit teach recipe.json photos/ --features s3 --set features.grid=4 teacherWeights=runs/teacher --output answers/`,
    )
    .action((first: string | undefined, second: string | undefined, options: Options) =>
      interruptible(async (signal, ending) => run(await dataAndRecipe(first, second, options), signal, ending)),
    );
}

interface Options extends EngineChoice, RecipeChoice {
  readonly output: string;
  readonly topK?: number;
  readonly features?: string;
  readonly split?: string;
  readonly onBadImage: "stop" | "skip";
  readonly workers: number;
  readonly json?: boolean;
}

async function run(asked: Asked<Options>, signal: AbortSignal, ending: Ending): Promise<void> {
  const { options } = asked;
  ending.outlivesOutput();
  if (await relaunched(options, ending)) return;
  const data = requireData(asked.data);
  const layer = options.features === undefined ? [] : [`features.teacher=${JSON.stringify(options.features)}`];
  const { recipe, split } = await chosenRun({ ...options, data, steps: true, set: [...(options.set ?? []), ...layer] });
  const named = teachersOf(recipe).some((one) => one.recipe.teacherWeights !== undefined);
  if (!named || !needsTeacher(recipe)) {
    throw new UsageError(
      `The recipe names no teacher; set distillation to hard, soft, decoupled or normalized (or features), and teacherWeights to a weights file or run folder.`,
    );
  }
  if (!["stop", "skip"].includes(options.onBadImage))
    throw new UsageError(`--on-bad-image is "${options.onBadImage}"; it must be stop or skip.`);
  const below = await requireOutside(data, options.output);
  if (below) await makeResultsFolder(below);
  let progress: Progress | undefined;
  ending.saves("this batch");
  const start = performance.now();
  const result = await withEngine(options, (engine) =>
    buildTeacherCache({
      ...options,
      split,
      recipe,
      engine,
      data,
      signal,
      onEvent: preparing(),
      onSize: (size) => noteUnless(options.json)(sizeText(size)),
      onProgress: (images, total) => {
        progress ??= createProgress({ title: "answering", total, unit: "views", quiet: options.json });
        progress.update(images);
      },
    }),
  ).finally(() => progress?.stop());
  const seconds = (performance.now() - start) / 1000;
  if (options.json) print(JSON.stringify({ ...result, seconds }));
  else {
    print(
      `answers to ${result.epochs} epochs of ${result.viewsPerEpoch} views in ${result.folder}; train with them by: --set ${shellWord(`teacherCache=${result.folder}`)}`,
    );
  }
}

/** What will be stored, before it is. */
function sizeText({ views, bytes, features }: StoredSize): string {
  const all = `The answers to ${views.toLocaleString("en")} views take ${bytesText(bytes)}`;
  if (!features) return `${all}.`;
  const layers = features.map(
    ({ layer, grid, channels, epochs, bytes }) =>
      `${bytesText(bytes)} are the layer ${layer} on ${placesInWords(grid)} of ${channels} numbers each, in ${epochs} ${epochs === 1 ? "epoch" : "epochs"}`,
  );
  return `${all}, of which ${layers.join(", and ")}.`;
}

/** Bytes in the unit of disks that fits. */
function bytesText(bytes: number): string {
  const [unit, name] = bytes < 1e6 ? [1e3, "kB"] : bytes < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
  return `${(bytes / unit).toFixed(1)} ${name}`;
}
