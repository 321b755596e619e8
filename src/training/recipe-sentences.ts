/** What is wrong with a recipe, in sentences: what was found, what is expected, and the nearest valid name. */
import type { z } from "zod";
import { nearest } from "../models/registry.js";
import { quoted } from "../system/quoted.js";
import { releasedOptions } from "./released-options.js";

/** `known` are the settings there are. */
export function unknownSetting(key: string, known: readonly string[]): string {
  const theirs = key.replace(/^--/, "").replaceAll("_", "-");
  return Object.hasOwn(releasedOptions, theirs)
    ? `The recipe has no setting ${quoted(key)}; the released program's option of that name is here: ${releasedOptions[theirs]}.`
    : `The recipe has no setting ${quoted(key)}; did you mean "${nearest(key, known)}"?`;
}

/** One finding of the schema about `settings`; `namesAt` tells the names that are valid below a path. */
export function settingSentence(
  issue: z.core.$ZodIssue,
  settings: unknown,
  namesAt: (path: readonly PropertyKey[]) => readonly string[],
): string {
  const name = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const names = namesAt(issue.path);
    const sentence = (key: string) =>
      name === ""
        ? unknownSetting(key, names)
        : `The setting "${name}" of the recipe has no ${quoted(key)}; did you mean "${nearest(key, names)}"?`;
    return issue.keys.map(sentence).join(" ");
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    settings,
  );
  const words = wordsOf(issue);
  if (words.length > 0 && typeof value === "string")
    return `The setting "${name}" of the recipe is wrong: it is ${quoted(value)}, and can be ${words.join(", ")}; did you mean "${nearest(value, words)}"?`;
  return `The setting "${name}" of the recipe is wrong: ${issue.message}.`;
}

/** The words that would have been valid in this place. */
function wordsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "invalid_union") return issue.errors.flat().flatMap(wordsOf);
  return issue.code === "invalid_value" ? issue.values.filter((v) => typeof v === "string") : [];
}
