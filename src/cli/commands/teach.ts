/** `deit teach`: store a teacher's outputs for all views of a recipe, for any number of students. */
import type { Command } from "commander";
import type { EngineChoice } from "../../engines/open.js";
import { UsageError } from "../../errors/errors.js";
import { makeResultsFolder } from "../../system/files/folder-entries.js";
import { shellWord } from "../../system/text/shell-word.js";
import { neededAnswer } from "../../training/step/distillation/index.js";
import { buildTeacherCache } from "../../training/teacher/cache.js";
import { chosenRun } from "../inputs/chosen-run.js";
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
    .option("--on-bad-image <what>", "stop or skip", "stop")
    .addOption(workersOption())
    .option("--json", "print one JSON value at the end")
    .addHelpText(
      "after",
      `
The stored predictions are valid for the views of this recipe: its seed, batch, crops, mixing and erasing. Any student that
sees the same views can use them, whatever its model, learning rate, loss or regularisation.

Example:
  deit teach recipe.json photos/ --set distillation=hard teacherWeights=runs/teacher --output answers/
  deit train recipe.json photos/ --set distillation=hard distilled=true teacherCache=answers/`,
    )
    .action((first: string | undefined, second: string | undefined, options: Options) =>
      interruptible(async (signal, ending) => run(await dataAndRecipe(first, second, options), signal, ending)),
    );
}

interface Options extends EngineChoice, RecipeChoice {
  readonly output: string;
  readonly topK?: number;
  readonly split?: string;
  readonly onBadImage: "stop" | "skip";
  readonly workers: number;
  readonly json?: boolean;
}

async function run(asked: Asked<Options>, signal: AbortSignal, ending: Ending): Promise<void> {
  const { options } = asked;
  ending.outlivesOutput();
  const data = requireData(asked.data);
  const { recipe, split } = await chosenRun({ ...options, data });
  if (recipe.teacherWeights === undefined || !neededAnswer(recipe.distillation)) {
    throw new UsageError(
      `The recipe names no teacher; set distillation to hard, soft, decoupled or normalized, and teacherWeights to a weights file or run folder.`,
    );
  }
  if (!["stop", "skip"].includes(options.onBadImage))
    throw new UsageError(`--on-bad-image is "${options.onBadImage}"; it must be stop or skip.`);
  const below = await requireOutside(data, options.output);
  if (below) await makeResultsFolder(below);
  if (await relaunched(options, ending)) return;
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
