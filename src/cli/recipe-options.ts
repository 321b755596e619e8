/** What commands that follow a recipe share: where it and the data come from, and changes to it. */
import type { Command } from "commander";
import type { Exif } from "../data/decode.js";
import { UsageError } from "../errors.js";
import { parseRecipe, type Recipe } from "../training/recipe.js";
import { applySettings, isRecipe, readRecipe } from "../training/recipe-file.js";
import { collected } from "./list-options.js";
import { positive, wholeNumber } from "./options.js";
import { exifOption } from "./view-options.js";

export interface RecipeChoice {
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly model?: string;
  readonly epochs?: number;
  readonly batchSize?: number | "auto";
  readonly accumulate?: number;
  readonly lr?: number;
  readonly clipGradient?: number;
  readonly finetune?: string;
  readonly seed?: number;
  readonly exif?: Exif;
}

/** Settings of a recipe that have options of their own. */
const shortcuts = [
  "model",
  "epochs",
  "batchSize",
  "accumulate",
  "lr",
  "clipGradient",
  "finetune",
  "seed",
  "exif",
] as const;

/** The arguments `[recipe] <data>` and the options that change a recipe. */
export function recipeOptions(command: Command): Command {
  return command
    .usage("[options] [recipe] <data>")
    .argument("[recipe-or-data]", "recipe (file or packaged name; may be left out), then the data")
    .argument(
      "[data]",
      "folder with a folder per class, or any other format (train and test parts are found), or procedural",
    )
    .option("--recipe <file>", "the recipe, instead of as an argument")
    .option("--set <key=value ...>", "settings of the recipe, such as depth=6 or cropScale=[0.5,1]", collected)
    .option("--model <name>", "model to train")
    .option("--epochs <n>", "times over the data", wholeNumber(1))
    .option("--batch-size <images>", "global batch: images per optimizer step; auto divides it to fit", batchSize)
    .option("--accumulate <runs>", "runs that make one step", wholeNumber(1))
    .option("--lr <rate>", "learning rate for a batch of 512", positive)
    .option("--clip-gradient <norm>", "largest norm of all gradients", positive)
    .option("--finetune <weights>", "weights to begin from: a file, a run folder, hub or hub:owner/name")
    .option("--seed <n>", "seed of every random number", wholeNumber(0))
    .addOption(exifOption("turn images as their metadata ask (apply), or not (ignore)"));
}

export interface Asked<Options> {
  /** Undefined where none was named. */
  readonly data?: string;
  readonly options: Options;
}

/** One argument is the data, unless it is plainly a recipe; of two, the first is the recipe. */
export async function dataAndRecipe<Options extends RecipeChoice>(
  first: string | undefined,
  second: string | undefined,
  options: Options,
): Promise<Asked<Options>> {
  if (first === undefined) return { options };
  if (second === undefined && (options.recipe !== undefined || !(await isRecipe(first))))
    return { data: first, options };
  if (options.recipe !== undefined)
    throw new UsageError(
      `The recipe is named twice, as "${first}" and by --recipe "${options.recipe}"; leave one of them out.`,
    );
  return { data: second, options: { ...options, recipe: first } };
}

const batchSize = (text: string): number | "auto" => (text === "auto" ? text : wholeNumber(1)(text));

/** The data, or a sentence that asks for it. */
export function requireData(data: string | undefined): string {
  if (data !== undefined) return data;
  throw new UsageError(`Name the data: a folder with a folder per class, or "procedural" for built-in images.`);
}

/** The recipe (`base` where none is named) with the options and `--set` applied, in this order. */
export async function resolveRecipe(
  options: RecipeChoice,
  base: Readonly<Record<string, unknown>> = {},
): Promise<Recipe> {
  if (options.batchSize === "auto")
    throw new UsageError("Only deit train finds out what batch fits; give the number of images for --batch-size here.");
  const settings = options.recipe ? await readRecipe(options.recipe) : { ...base };
  for (const key of shortcuts) if (options[key] !== undefined) settings[key] = options[key];
  return parseRecipe(applySettings(settings, options.set ?? []));
}
