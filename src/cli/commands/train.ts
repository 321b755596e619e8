/** `deit train`: trains a model on a folder of images. */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import type { Command } from "commander";
import { chooseEngine, type EngineChoice } from "../../engines/open.js";
import { followParent, isLaunched, launch } from "../../engines/xla/launcher.js";
import { InterruptedError, UsageError } from "../../errors.js";
import { fileError } from "../../system/atomic-file.js";
import { parseRecipe, type Recipe } from "../../training/recipe.js";
import { train } from "../../training/trainer.js";
import { engineOptions, interruptible, number, wholeNumber, withEngine } from "../options.js";
import { epochLine, trainingProgress } from "../training-progress.js";

export function define(command: Command): void {
  engineOptions(command)
    .argument("<data>", "folder with a folder per class (train/ and test/ parts are found), or procedural")
    .option("--recipe <file>", "JSON file with settings")
    .option("--set <key=value...>", "settings of the recipe, such as depth=6 or cropScale=[0.5,1]")
    .option("--model <name>", "model to train")
    .option("--epochs <n>", "times over the data", wholeNumber(1))
    .option("--batch-size <images>", "global batch: images per optimizer step", wholeNumber(1))
    .option("--accumulate <runs>", "runs that make one step", wholeNumber(1))
    .option("--lr <rate>", "learning rate for a batch of 512", number(0))
    .option("--clip-gradient <norm>", "largest norm of all gradients", number(0))
    .option("--seed <n>", "seed of every random number", wholeNumber(0))
    .option("--output <folder>", "run folder, runs/<data> unless told")
    .option("--resume", "go on with the run in the folder")
    .option("--finetune <weights>", "weights to begin from")
    .option("--validation <folder>", "data to evaluate on, the test part of the data unless told")
    .option("--on-bad-image <what>", "stop or skip", "stop")
    .option("--workers <threads>", "threads that read images", wholeNumber(0), Math.max(1, availableParallelism() - 1))
    .option("--precision <format>", "float32, or bfloat16 for matrix products (XLA)", "float32")
    .option("--print-recipe", "print the settings with all defaults and stop")
    .option("--json", "print one JSON value at the end")
    .addHelpText(
      "after",
      "\nExample:\n  deit train photos/ --recipe recipes/small-data.json --epochs 20 --output runs/photos",
    )
    .action((data: string, options: Options) => interruptible((signal) => run(data, options, signal)));
}

interface Options extends EngineChoice {
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly model?: string;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly accumulate?: number;
  readonly lr?: number;
  readonly clipGradient?: number;
  readonly seed?: number;
  readonly output?: string;
  readonly resume?: boolean;
  readonly finetune?: string;
  readonly validation?: string;
  readonly onBadImage: "stop" | "skip";
  readonly workers: number;
  readonly printRecipe?: boolean;
  readonly json?: boolean;
}

async function run(data: string, options: Options, signal: AbortSignal): Promise<void> {
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
  const progress = trainingProgress("training", options.json ?? false);
  const result = await withEngine(options, (engine) =>
    train({ ...options, recipe, engine, data, output, signal, onEvent: progress.onEvent }),
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

async function resolveRecipe(options: Options): Promise<Recipe> {
  const settings: Record<string, unknown> = options.recipe ? await readRecipe(options.recipe) : {};
  for (const key of ["model", "epochs", "batchSize", "accumulate", "lr", "clipGradient", "seed"] as const) {
    if (options[key] !== undefined) settings[key] = options[key];
  }
  for (const text of options.set ?? []) {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`--set got "${text}"; write key=value, such as depth=6.`);
    settings[text.slice(0, at)] = parseValue(text.slice(at + 1));
  }
  return parseRecipe(settings);
}

/** JSON where it is JSON, otherwise the text itself. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function readRecipe(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, "utf8").catch((error) => {
    throw fileError(path, "read the recipe", error);
  });
  const value = parseValue(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`"${path}" is no recipe: it must hold a JSON object of settings.`);
  }
  return value as Record<string, unknown>;
}
