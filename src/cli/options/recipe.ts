/** Options shared by commands with a recipe: its source and that of the data, and changes to it. */

import type { Command } from "commander";
import type { Exif } from "../../data/pixels/orientation.js";
import { UsageError } from "../../errors/errors.js";
import type { Channels } from "../../geometry/channels.js";
import type { ImageSize } from "../../geometry/image-size.js";
import { leftBy } from "../../training/recipe/changed.js";
import { applySettings, isRecipe, readRecipe } from "../../training/recipe/file.js";
import { parseRecipe, type Recipe, recipeSchema } from "../../training/recipe/recipe.js";
import { collected } from "./lists.js";
import { channels, imageSize, positive, wholeNumber } from "./options.js";
import { exifOption } from "./view.js";

export interface RecipeChoice {
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly model?: string;
  readonly imageSize?: ImageSize;
  readonly channels?: Channels;
  readonly epochs?: number;
  readonly batchSize?: number | "auto";
  readonly accumulate?: number;
  readonly lr?: number;
  readonly clipGradient?: number;
  readonly finetune?: string;
  readonly seed?: number;
  readonly exif?: Exif;
}

/** Settings of a recipe that have their own options. */
const shortcuts = [
  "model",
  "imageSize",
  "channels",
  "epochs",
  "batchSize",
  "accumulate",
  "lr",
  "clipGradient",
  "finetune",
  "seed",
  "exif",
] as const;

/** The meaning of a setting, as help text of an option. */
function meaning(setting: keyof Recipe): string {
  const text = recipeSchema.shape[setting].description ?? "";
  return (text.charAt(0).toLowerCase() + text.slice(1)).replaceAll("`", "").replace(/\.$/, "");
}

/** The arguments `[recipe] <data>` and the options that change a recipe. */
export function recipeOptions(command: Command): Command {
  return command
    .usage("[options] [recipe] <data>")
    .argument("[recipe-or-data]", "recipe (file or packaged name, optional), then the data")
    .argument(
      "[data]",
      "folder with a folder per class, or any other format (train and test parts are found), or procedural",
    )
    .option("--recipe <file>", "the recipe, instead of the first argument")
    .option("--set <key=value ...>", "settings of the recipe, such as depth=6 or cropScale=[0.5,1]", collected)
    .option("--model <name>", meaning("model"))
    .option("--image-size <pixels>", `${meaning("imageSize")}; such as 224 or 160x224`, imageSize)
    .option("--channels <n>", meaning("channels"), channels)
    .option("--epochs <n>", meaning("epochs"), wholeNumber(1))
    .option("--batch-size <images>", `${meaning("batchSize")}; auto splits it to fit into memory`, batchSize)
    .option("--accumulate <runs>", meaning("accumulate"), wholeNumber(1))
    .option("--lr <rate>", meaning("lr"), positive)
    .option("--clip-gradient <norm>", meaning("clipGradient"), positive)
    .option("--finetune <weights>", meaning("finetune"))
    .option("--seed <n>", meaning("seed"), wholeNumber(0))
    .addOption(exifOption(meaning("exif")));
}

export interface Asked<Options> {
  /** Undefined if none was given. */
  readonly data?: string;
  readonly options: Options;
}

/** A single argument is the data, unless it is clearly a recipe; of two, the first is the recipe. */
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
      `The recipe is given twice, as "${first}" and with --recipe "${options.recipe}"; remove one of them.`,
    );
  return { data: second, options: { ...options, recipe: first } };
}

const batchSize = (text: string): number | "auto" => (text === "auto" ? text : wholeNumber(1)(text));

/** The data; throws with a request for it if missing. */
export function requireData(data: string | undefined): string {
  if (data !== undefined) return data;
  throw new UsageError(`Give the data: a folder with one folder per class, or "procedural" for built-in images.`);
}

/** The recipe (`base` if none is given) with the options and `--set` applied, in this order. */
export async function resolveRecipe(
  options: RecipeChoice,
  base: Readonly<Record<string, unknown>> = {},
): Promise<Recipe> {
  if (options.batchSize === "auto")
    throw new UsageError(
      "Only deit train can find the batch size that fits; give --batch-size a number of images here.",
    );
  return parseRecipe(changedBy(options, options.recipe ? await readRecipe(options.recipe) : base));
}

/** `settings` with those of the options and of `--set`, in this order. */
export function changedBy(
  options: RecipeChoice,
  settings: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const short = shortcuts.filter((key) => options[key] !== undefined).map((key) => [key, options[key]] as const);
  const changes = options.set ?? [];
  return applySettings({ ...leftBy(applySettings({}, changes), settings), ...Object.fromEntries(short) }, changes);
}
