/** What commands that follow a recipe share: where it and the data come from, and changes to it. */
import type { Command } from "commander";
import { UsageError } from "../errors.js";
import { parseRecipe, type Recipe } from "../training/recipe.js";
import { applySettings, readRecipe } from "../training/recipe-file.js";
import { number, wholeNumber } from "./options.js";

export interface RecipeChoice {
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly model?: string;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly accumulate?: number;
  readonly lr?: number;
  readonly clipGradient?: number;
  readonly seed?: number;
}

/** Settings of a recipe that have options of their own. */
const shortcuts = ["model", "epochs", "batchSize", "accumulate", "lr", "clipGradient", "seed"] as const;

/** The arguments `[recipe] <data>` and the options that change a recipe. */
export function recipeOptions(command: Command): Command {
  return command
    .usage("[options] [recipe] <data>")
    .argument("[recipe-or-data]", "recipe (file or packaged name; may be left out), then the data")
    .argument("[data]", "folder with a folder per class (train/ and test/ parts are found), or procedural")
    .option("--recipe <file>", "the recipe, instead of as an argument")
    .option("--set <key=value...>", "settings of the recipe, such as depth=6 or cropScale=[0.5,1]")
    .option("--model <name>", "model to train")
    .option("--epochs <n>", "times over the data", wholeNumber(1))
    .option("--batch-size <images>", "global batch: images per optimizer step", wholeNumber(1))
    .option("--accumulate <runs>", "runs that make one step", wholeNumber(1))
    .option("--lr <rate>", "learning rate for a batch of 512", number(0))
    .option("--clip-gradient <norm>", "largest norm of all gradients", number(0))
    .option("--seed <n>", "seed of every random number", wholeNumber(0));
}

export interface Asked<Options> {
  readonly data: string;
  readonly options: Options;
}

/** One argument is the data; of two, the first is the recipe. */
export function dataAndRecipe<Options extends RecipeChoice>(
  first: string | undefined,
  second: string | undefined,
  options: Options,
): Asked<Options> {
  if (first === undefined)
    throw new UsageError(`Name the data: a folder with a folder per class, or "procedural" for built-in images.`);
  if (second === undefined) return { data: first, options };
  if (options.recipe !== undefined)
    throw new UsageError(
      `The recipe is named twice, as "${first}" and by --recipe "${options.recipe}"; leave one of them out.`,
    );
  return { data: second, options: { ...options, recipe: first } };
}

/** The recipe (`base` where none is named) with the options and `--set` applied, in this order. */
export async function resolveRecipe(
  options: RecipeChoice,
  base: Readonly<Record<string, unknown>> = {},
): Promise<Recipe> {
  const settings = options.recipe ? await readRecipe(options.recipe) : { ...base };
  for (const key of shortcuts) if (options[key] !== undefined) settings[key] = options[key];
  return parseRecipe(applySettings(settings, options.set ?? []));
}
