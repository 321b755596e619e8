/** Resuming with `deit train`: the run folder states data, recipe and engine, so they need not be repeated. */
import type { EngineChoice } from "../../engines/open.js";
import { UsageError } from "../../errors/errors.js";
import type { Recipe } from "../../training/recipe/recipe.js";
import { describeRun, type RunManifest } from "../../training/run-folder/manifest.js";
import { dataAndRecipe, type RecipeChoice, requireData, resolveRecipe } from "../options/recipe.js";
import { namedAfter } from "../output/file.js";
import { chosenSettings, chosenSplit, noteUnless } from "./chosen-run.js";

export interface RunChoice extends RecipeChoice, EngineChoice {
  readonly output?: string;
  /** The run folder; true: `output`. */
  readonly resume?: string | true;
  readonly validation?: string;
  readonly test?: string;
  /** How the data is divided (default: depends on the data). */
  readonly split?: string;
  readonly onBadImage?: RunManifest["onBadImage"];
  readonly precision?: RunManifest["precision"];
  /** Only print the recipe, which needs no data. */
  readonly printRecipe?: boolean;
  /** Standard error is only for errors. */
  readonly json?: boolean;
}

/** The options combined from the command line and the run folder. */
export type ResolvedRun<Options> = Omit<Options, "recipe" | "resume" | "split"> & {
  readonly data: string;
  readonly split: string;
  readonly output: string;
  readonly recipe: Recipe;
  readonly resume: boolean;
  /** Whether to divide the batch into runs that fit into memory. */
  readonly fitBatch: boolean;
};

/**
 * Resolves `[recipe] data` and the options. With `--resume RUN`, or `--resume` and an output folder with a run, missing
 * options come from that run.
 */
export async function resolveRun<Options extends RunChoice>(
  args: readonly (string | undefined)[],
  given: Options,
): Promise<ResolvedRun<Options>> {
  const [[first, second], said] = settled(args, given);
  const fitBatch = said.batchSize === "auto";
  const options = fitBatch ? { ...said, batchSize: undefined } : said;
  const named = typeof options.resume === "string" ? options.resume : undefined;
  const asked = named !== undefined && first === undefined ? undefined : await dataAndRecipe(first, second, options);
  const place = asked && (given.printRecipe ? (asked.data ?? "") : requireData(asked.data));
  const output = named ?? options.output ?? `runs/${namedAfter(place!)}`;
  const known = options.resume ? await describeRun(output) : undefined;
  if (named !== undefined && !known)
    throw new UsageError(`"${named}" holds no run that could continue; give the folder that deit train wrote.`);
  const manifest = known?.manifest;
  const note = noteUnless(given.json);
  const validation = options.validation ?? manifest?.validation;
  const ofCommand = asked?.options ?? options;
  // A given recipe is read before the data is opened, and can be printed without data.
  let recipe = known || ofCommand.recipe !== undefined ? await resolveRecipe(ofCommand, known?.recipe) : undefined;
  const told = options.split ?? (known && String(manifest?.split ?? "given"));
  const data = given.printRecipe && recipe ? undefined : place;
  const chosen = data ? await chosenSplit({ data, split: told, validation }, note) : { split: told ?? "given" };
  recipe ??= await resolveRecipe(ofCommand, data ? await chosenSettings({ ...options, data, ...chosen }, note) : {});
  return {
    ...options,
    data: place ?? manifest!.data,
    output,
    recipe,
    resume: options.resume !== undefined,
    fitBatch,
    validation,
    test: options.test ?? manifest?.test,
    split: chosen.split,
    onBadImage: options.onBadImage ?? manifest?.onBadImage ?? "stop",
    precision: options.precision ?? manifest?.precision ?? "float32",
    // A run is bit-for-bit reproducible only on the same engine.
    engine:
      manifest && options.engine === "auto" ? (manifest.engine.engine === "xla" ? "xla" : "onnx") : options.engine,
    devices: options.devices ?? manifest?.engine.devices,
  };
}

/** In `--resume DATA --output RUN` the word after --resume is the data. */
function settled<Options extends RunChoice>(
  [first, second]: readonly (string | undefined)[],
  options: Options,
): [(string | undefined)[], Options] {
  const { resume, output } = options;
  if (typeof resume !== "string" || output === undefined || output === resume) return [[first, second], options];
  if (second === undefined) return [first === undefined ? [resume] : [resume, first], { ...options, resume: true }];
  throw new UsageError(`Two run folders are named, "${resume}" by --resume and "${output}" by --output; give one.`);
}
