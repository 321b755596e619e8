/** Compares two runs or recipes: settings, and for runs their environment and results. */
import { stat } from "node:fs/promises";
import { sep } from "node:path";
import { UsageError } from "../../errors/errors.js";
import { readRecipe } from "../recipe/file.js";
import { parseRecipe, recipeDifferences } from "../recipe/recipe.js";
import { type RunSummary, summarizeRun } from "./summary.js";

type Values = Readonly<Record<string, unknown>>;

export interface ComparedRun {
  readonly source: string;
  /** All settings, defaults filled in. */
  readonly recipe: Values;
  /** Data, engine, versions and processor of the last start; empty for a recipe. */
  readonly environment: Values;
  /** Numbers of the best epoch and of the whole run; empty for a recipe. */
  readonly result: Values;
}

/** Describes a run folder, a recipe file, or a packaged recipe by name. */
export async function describeSide(source: string): Promise<ComparedRun> {
  const kind = await stat(source).then(
    (s) => (s.isDirectory() ? "folder" : "file"),
    () => "name",
  );
  if (kind === "folder") return comparedRun(await summarizeRun(source));
  if (kind === "name" && source.includes(sep))
    throw new UsageError(`There is no "${source}"; give a run folder, a recipe file, or the name of a recipe of deit.`);
  return { source, recipe: parseRecipe(await readRecipe(source)), environment: {}, result: {} };
}

export function comparedRun(run: RunSummary): ComparedRun {
  return {
    source: run.folder,
    recipe: run.recipe,
    environment: { ...without(run.environment ?? {}, ["kind", "time", "precisions"]), ...pick(run.manifest, noted) },
    result: resultOf(run),
  };
}

/** Fields of a run's manifest that its result depends on. */
const noted = ["deit", "data", "validation", "split", "dataset", "images", "classes", "teacher", "precision"] as const;

const pick = <T extends object>(values: T, keys: readonly (keyof T)[]): Values =>
  Object.fromEntries(keys.map((key) => [key, values[key]]));

const without = (values: Values, keys: readonly string[]): Values =>
  Object.fromEntries(Object.entries(values).filter(([key]) => !keys.includes(key)));

function resultOf({ epochs, done, best, seconds }: RunSummary): Values {
  const last = epochs.at(-1);
  if (!best || !last) return {};
  return {
    epochs: done,
    bestEpoch: best.epoch,
    top1: best.test?.top1,
    top5: best.test?.top5,
    testLoss: best.test?.loss,
    lastTop1: last.test?.top1,
    trainLoss: last.trainLoss,
    imagesPerSecond: last.imagesPerSecond,
    trainingSeconds: seconds,
  };
}

export interface ValueDifference {
  readonly key: string;
  readonly a: unknown;
  readonly b: unknown;
}

export interface RunDifferences {
  readonly recipe: readonly ValueDifference[];
  readonly environment: readonly ValueDifference[];
  readonly result: readonly ValueDifference[];
}

/** Where two runs or recipes differ. */
export function runDifferences(a: ComparedRun, b: ComparedRun): RunDifferences {
  return {
    recipe: recipeDifferences(a.recipe, b.recipe),
    environment: valueDifferences(a.environment, b.environment),
    result: valueDifferences(a.result, b.result),
  };
}

function valueDifferences(a: Values, b: Values): ValueDifference[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]))
    .map((key) => ({ key, a: a[key], b: b[key] }));
}
