/** A grid of runs: variants of a recipe, combinations of settings, and seeds (paper, tables 3 and 8). */
import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { z } from "zod";
import { UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { didYouMean } from "../../errors/nearest.js";
import { readJson } from "../../system/files/json-file.js";
import { JsonError } from "../../system/text/json.js";
import { changed } from "./changed.js";
import { packagedRecipes } from "./file.js";
import { parseRecipe, type Recipe } from "./recipe.js";

const settings = z.record(z.string(), z.unknown());

export const gridSchema = z.strictObject({
  /** Its purpose. */
  about: z.string().default(""),
  /** A recipe's file or name (default: that of the command). */
  recipe: z.string().optional(),
  /** Settings shared by all cells. */
  settings: settings.default({}),
  /** Rows by name, with the changes of each. */
  variants: z.record(z.string(), settings).default({}),
  /** Values of settings, of which all combinations are run. */
  vary: z.record(z.string(), z.array(z.unknown()).min(1)).default({}),
  seeds: z.array(z.number().int().min(0)).min(1).default([0]),
});

export type Grid = Readonly<z.infer<typeof gridSchema>>;

/** One run of a grid. */
export interface Cell {
  /** Name of its row: the variant and the settings that vary. */
  readonly row: string;
  readonly seed: number;
  readonly recipe: Recipe;
  /** The fold that is held out, from 1, in cross-validation. */
  readonly fold?: number;
  /** Its folder, relative to that of the sweep. */
  readonly folder: string;
}

/** A larger grid is more likely a typo than a plan. */
const mostCells = 10_000;

/** Validates a grid; throws UsageError for what is wrong. */
export function parseGrid(value: unknown, name: string): Grid {
  const parsed = gridSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new UsageError(`The grid "${name}" is wrong at "${path.join(".")}": ${message}.`);
}

/** Folder of the grids that come with the package. */
const packagedGrids = () => join(packagedRecipes(), "grids");

/** Names of the grids that come with the package, such as "table3". */
export async function gridNames(): Promise<string[]> {
  return (await readdir(packagedGrids()).catch(() => [])).map((file) => basename(file, ".json")).sort();
}

/** Maximum bytes of a grid. */
const largest = 16 << 20;

/**
 * The grid in a file, or with that name among those that come with the package (`table3`, `table8`,
 * `table8-finetuning`).
 */
export async function readGrid(text: string): Promise<Grid> {
  const names = await gridNames();
  if (extname(text) === "" && !names.includes(text))
    throw new UsageError(
      `There is no grid "${text}"${didYouMean(text, names)} Built-in grids: ${names.join(", ")}. For your own, give a .json file.`,
    );
  const path = names.includes(text) ? join(packagedGrids(), `${text}.json`) : text;
  const value = await readJson(path, largest).catch((error) => {
    if (error instanceof JsonError) throw new UsageError(`"${path}" is not a grid: it ${error.message}.`);
    throw fileError(path, "read the grid", error);
  });
  return parseGrid(value, path);
}

/** All runs of a grid over the settings of a recipe: rows in order, seeds within each. Validates every recipe. */
export function cellsOf(grid: Grid, base: Readonly<Record<string, unknown>>): Cell[] {
  const variants = Object.keys(grid.variants).length > 0 ? Object.entries(grid.variants) : [["", {}] as const];
  const combinations = combine(Object.entries(grid.vary));
  const count = variants.length * combinations.length * grid.seeds.length;
  if (count > mostCells) throw new UsageError(`The grid has ${count} runs; at most ${mostCells} are allowed.`);
  const rows = variants.flatMap(([variant, changes]) =>
    combinations.map((varied) => ({ row: rowName(variant, varied), settings: { ...changes, ...varied } })),
  );
  const cells = rows.flatMap(({ row, settings }) =>
    grid.seeds.map((seed) => ({
      ...{ row, seed },
      recipe: recipeOf(row, changed(base, { ...grid.settings, ...settings, seed })),
      folder: join(row.replace(/[^\w=.+-]+/g, "-").replace(/-$/, ""), `seed-${seed}`),
    })),
  );
  const folders = new Set<string>();
  for (const { row, seed, folder } of cells) {
    if (folders.has(folder))
      throw new UsageError(`The grid has "${row}" with seed ${seed} twice; give rows different names and seeds once.`);
    folders.add(folder);
  }
  return cells;
}

/** Each cell once for each of some folds. */
export const crossed = (cells: readonly Cell[], folds: number): Cell[] =>
  cells.flatMap((cell) =>
    Array.from({ length: folds }, (_, f) => ({
      ...cell,
      fold: f + 1,
      folder: join(dirname(cell.folder), `fold-${f + 1}`, basename(cell.folder)),
    })),
  );

function recipeOf(row: string, settings: Readonly<Record<string, unknown>>): Recipe {
  try {
    return parseRecipe(settings);
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`Row "${row}" of the grid: ${error.message}`);
    throw error;
  }
}

function combine(keys: readonly (readonly [string, readonly unknown[]])[]): Record<string, unknown>[] {
  return keys.reduce<Record<string, unknown>[]>(
    (all, [key, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
}

function rowName(variant: string, varied: Readonly<Record<string, unknown>>): string {
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  const parts = [...(variant ? [variant] : []), ...Object.entries(varied).map(([k, v]) => `${k}=${text(v)}`)];
  return parts.join(", ") || "recipe";
}
