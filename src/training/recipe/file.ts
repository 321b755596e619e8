/** Recipes as files: a path, or the name of one that comes with the package; and changes to them as strings. */

import { readdir, stat } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { messageOf } from "../../errors/message-of.js";
import { nearest } from "../../errors/nearest.js";
import { readJson } from "../../system/files/json-file.js";
import { packageRoot } from "../../system/files/package-root.js";
import { JsonError, parseJson } from "../../system/text/json.js";

/** Folder of the recipes that come with the package. */
export const packagedRecipes = (): string => fileURLToPath(new URL("recipes", packageRoot()));

/** Names of the recipes that come with the package, such as "small-data". */
export async function recipeNames(): Promise<string[]> {
  const files = await readdir(packagedRecipes()).catch(() => []);
  return files
    .filter((f) => extname(f) === ".json")
    .map((f) => basename(f, ".json"))
    .sort();
}

const modules = [".ts", ".mts", ".js", ".mjs"];

/** Whether `text` refers to a recipe rather than data: a packaged name, or a file of JSON or code. */
export async function isRecipe(text: string): Promise<boolean> {
  const there = await stat(text).catch(() => undefined);
  if (there) return there.isFile() && [".json", ...modules].includes(extname(text));
  return (await recipeNames()).includes(text);
}

/**
 * Settings of the recipe `text`: a file path, or the name of a packaged recipe. JSON is read; a module (.ts, .js) is
 * executed, since it is the user's own program, and its default export is the settings or a function that returns them.
 * Throws UsageError, suggesting the nearest name, if it is neither.
 */
export async function readRecipe(text: string): Promise<Record<string, unknown>> {
  const path = (await isFile(text)) ? text : await packagedPath(text);
  const value = modules.includes(extname(path)) ? await runModule(path) : await parseFile(path);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  const wanted = modules.includes(extname(path)) ? "its default export must be an" : "it must hold a JSON";
  throw new UsageError(`"${path}" is not a recipe: ${wanted} object of settings.`);
}

async function runModule(path: string): Promise<unknown> {
  let exported: unknown;
  try {
    exported = extname(path).endsWith("ts")
      ? await (await import("jiti")).createJiti(import.meta.url).import(resolve(path), { default: true })
      : ((await import(pathToFileURL(resolve(path)).href)) as { default?: unknown }).default;
    return typeof exported === "function" ? await (exported as () => unknown)() : exported;
  } catch (error) {
    const reason = messageOf(error);
    throw new UsageError(`The recipe "${path}" cannot be run: ${reason}.`, { cause: error });
  }
}

/** Maximum bytes of a recipe; names of ten thousand classes take a megabyte. */
const largest = 16 << 20;

async function parseFile(path: string): Promise<unknown> {
  return readJson(path, largest).catch((error) => {
    if (error instanceof JsonError) throw new UsageError(`"${path}" is not a recipe: it ${error.message}.`);
    throw fileError(path, "read the recipe", error);
  });
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (s) => s.isFile(),
    () => false,
  );

/** Recipes to suggest to new users. */
const starters = ["finetune", "head-only", "small-images", "small-data", "deit-tiny"];

async function packagedPath(text: string): Promise<string> {
  const names = await recipeNames();
  if (names.includes(text)) return join(packagedRecipes(), `${text}.json`);
  const meant = nearest(text, names);
  throw new UsageError(
    `There is no recipe "${text}": it is neither a file nor the name of a recipe that comes with deit; ${meant ? `did you mean "${meant}"?` : `those for a start are ${starters.filter((name) => names.includes(name)).join(", ")}, and more lie in the folder recipes/ of the package.`}`,
  );
}

/**
 * Applies changes such as `lr=1e-3`, `cropScale=[0.5,1]` or `regnet.slope=20` to settings; values are JSON or, failing
 * that, plain strings.
 */
export function applySettings(settings: Settings, changes: readonly string[]): Record<string, unknown> {
  return changes.reduce<Record<string, unknown>>(
    (changed, text) => {
      const at = text.indexOf("=");
      if (at < 1)
        throw new UsageError(`The change of a setting "${text}" has no name; write key=value, such as depth=6.`);
      const path = text.slice(0, at).split(".");
      return changedAt(changed, path, jsonOrText(text.slice(at + 1))) as Record<string, unknown>;
    },
    { ...settings },
  );
}

type Settings = Readonly<Record<string, unknown>>;

/** `at`, the value of the setting `name`, with the value that a path below it leads to changed. */
function changedAt(at: unknown, [key, ...below]: readonly string[], value: unknown, name = ""): unknown {
  if (key === undefined) return value;
  if (Array.isArray(at)) {
    requireEntry(name, at, key);
    return at.map((entry, i) => (i === Number(key) ? changedAt(entry, below, value, key) : entry));
  }
  const settings = typeof at === "object" && at !== null ? (at as Settings) : {};
  return { ...settings, [key]: changedAt(Object.hasOwn(settings, key) ? settings[key] : undefined, below, value, key) };
}

/** Throws UsageError unless `number` is that of an entry of the list, from 0. */
function requireEntry(name: string, list: readonly unknown[], number: string): void {
  if (!/^\d+$/.test(number) || Number(number) >= list.length)
    throw new UsageError(
      `The setting "${name}" is a list of ${list.length} here, so ${name}.${number} names none of its entries; the first is ${name}.0.`,
    );
}

function jsonOrText(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
