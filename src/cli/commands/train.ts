/** `deit train`: trains a model on a folder of images. */
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import type { Command } from "commander";
import { parseSplitRule } from "../../data/split.js";
import { chooseEngine, type EngineChoice } from "../../engines/open.js";
import { followParent, isLaunched, launch } from "../../engines/xla/launcher.js";
import { InterruptedError, UsageError } from "../../errors.js";
import { train } from "../../training/trainer.js";
import { engineOptions, interruptible, splitOption, wholeNumber, withEngine } from "../options.js";
import { type Asked, dataAndRecipe, type RecipeChoice, recipeOptions, resolveRecipe } from "../recipe-options.js";
import { epochLine, trainingProgress } from "../training-progress.js";

export function define(command: Command): void {
  splitOption(recipeOptions(engineOptions(command)))
    .option("--output <folder>", "run folder, runs/<data> unless told")
    .option("--resume", "go on with the run in the folder")
    .option("--finetune <weights>", "weights to begin from")
    .option("--validation <folder>", "data to evaluate on, the test part of the data unless told")
    .option("--on-bad-image <what>", "stop or skip", "stop")
    .option("--workers <threads>", "threads that read images", wholeNumber(0), Math.max(1, availableParallelism() - 1))
    .option("--precision <format>", "float32, or bfloat16 for matrix products (XLA)", "float32")
    .option("--print-recipe", "print the settings with all defaults and stop")
    .option("--json", "print one JSON value at the end")
    .addHelpText("after", "\nExample:\n  deit train small-data photos/ --epochs 20 --output runs/photos")
    .action((first: string, second: string | undefined, options: Options) =>
      interruptible((signal) => run(dataAndRecipe(first, second, options), signal)),
    );
}

interface Options extends EngineChoice, RecipeChoice {
  readonly output?: string;
  readonly resume?: boolean;
  readonly finetune?: string;
  readonly validation?: string;
  readonly split: string;
  readonly onBadImage: "stop" | "skip";
  readonly workers: number;
  readonly printRecipe?: boolean;
  readonly json?: boolean;
}

async function run({ data, options }: Asked<Options>, signal: AbortSignal): Promise<void> {
  const recipe = await resolveRecipe(options);
  if (options.printRecipe) {
    console.log(JSON.stringify(recipe, null, 2));
    return;
  }
  if (!["stop", "skip"].includes(options.onBadImage))
    throw new UsageError(`--on-bad-image is "${options.onBadImage}"; it must be stop or skip.`);
  const output = options.output ?? `runs/${basename(data).replace(/[^\w.-]/g, "-")}`;
  const { engine: chosen } = await chooseEngine(options);
  if (chosen === "xla" && !isLaunched()) {
    // XLA wants allocator settings that a process cannot give itself.
    process.exitCode = await launch(process.argv[1], process.argv.slice(2));
    return;
  }
  followParent();
  const split = await parseSplitRule(options.split);
  const progress = trainingProgress("training", options.json ?? false);
  const result = await withEngine(options, (engine) =>
    train({ ...options, split, recipe, engine, data, output, signal, onEvent: progress.onEvent }),
  ).finally(progress.stop);
  if (options.json) {
    const { folder, epochs, best, classes, interrupted } = result;
    console.log(JSON.stringify({ folder, classes: classes.length, epochs, best, interrupted }));
  } else if (result.best) console.log(`best: ${epochLine(result.best)}\nrun folder: ${result.folder}`);
  if (result.interrupted) {
    throw new InterruptedError(
      `Training was interrupted; go on with it by: deit train ${data} --output ${output} --resume (and the same settings).`,
    );
  }
}
