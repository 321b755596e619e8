/** Recipes as files: a path, or the name of one that comes with the package; and changes to them as texts. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../errors.js";
import { nearest } from "../models/registry.js";
import { fileError } from "../system/atomic-file.js";

/** Folder of the recipes that come with the package. */
export const packagedRecipes = fileURLToPath(new URL("../../recipes", import.meta.url));

/** Names of the recipes that come with the package, such as "small-data". */
export async function recipeNames(): Promise<string[]> {
  const files = await readdir(packagedRecipes).catch(() => []);
  return files
    .filter((f) => extname(f) === ".json")
    .map((f) => basename(f, ".json"))
    .sort();
}

/**
 * Settings of the recipe that `text` means: a path of a file, or a name of a packaged recipe. Throws UsageError with
 * the nearest name where it is neither.
 */
export async function readRecipe(text: string): Promise<Record<string, unknown>> {
  const path = (await isFile(text)) ? text : await packagedPath(text);
  const content = await readFile(path, "utf8").catch((error) => {
    throw fileError(path, "read the recipe", error);
  });
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw new UsageError(`"${path}" is no recipe: ${(error as Error).message}.`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError(`"${path}" is no recipe: it must hold a JSON object of settings.`);
  return value as Record<string, unknown>;
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (s) => s.isFile(),
    () => false,
  );

async function packagedPath(text: string): Promise<string> {
  const names = await recipeNames();
  if (names.includes(text)) return join(packagedRecipes, `${text}.json`);
  throw new UsageError(
    `There is no recipe "${text}": it is neither a file nor the name of a recipe that comes with deit; did you mean "${nearest(text, names)}"? Those are ${names.join(", ")}.`,
  );
}

/** Settings changed by texts such as `lr=1e-3` or `cropScale=[0.5,1]`; values are JSON or, failing that, plain text. */
export function applySettings(
  settings: Readonly<Record<string, unknown>>,
  changes: readonly string[],
): Record<string, unknown> {
  const changed: Record<string, unknown> = { ...settings };
  for (const text of changes) {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`--set got "${text}"; write key=value, such as depth=6.`);
    changed[text.slice(0, at)] = jsonOrText(text.slice(at + 1));
  }
  return changed;
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
