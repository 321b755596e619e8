/** What is wrong with a recipe, in sentences: what was found, what is expected, and the nearest valid name. */

import type { z } from "zod";
import { didYouMean } from "../../errors/nearest.js";
import { quoted } from "../../errors/quoted.js";
import { joined, type Message, sentence } from "../../errors/sentence.js";
import { originalOptions } from "./original-options.js";
import { timmOptions } from "./timm-options.js";

/** `known` are the existing settings. */
export function unknownSetting(key: string, known: readonly string[]): Message {
  const theirs = key.replace(/^--/, "").replaceAll("_", "-");
  if (Object.hasOwn(originalOptions, theirs))
    return sentence`The recipe has no setting ${quoted(key)}; the original program's option of that name is here: ${originalOptions[theirs]}.`;
  return Object.hasOwn(timmOptions, theirs)
    ? `The recipe has no setting ${quoted(key)}; timm's option of that name is here: ${timmOptions[theirs]}.`
    : `The recipe has no setting ${quoted(key)}${didYouMean(key, known)}`;
}

/** A sentence for one issue of the schema with `settings`; `namesAt` returns the valid names below a path. */
export function settingSentence(
  issue: z.core.$ZodIssue,
  settings: unknown,
  namesAt: (path: readonly PropertyKey[]) => readonly string[],
): Message {
  const within = issue.code === "invalid_union" ? meantKind(issue) : undefined;
  if (within) return joined(within.map((each) => settingSentence(each, settings, namesAt)));
  const name = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const names = namesAt(issue.path);
    const unknown = (key: string) =>
      names.includes(key)
        ? `The setting "${name}" of the recipe reads no ${quoted(key)} beside its other values; remove it.`
        : name === ""
          ? unknownSetting(key, names)
          : `The setting "${name}" of the recipe has no ${quoted(key)}${didYouMean(key, names)}`;
    return joined(issue.keys.map(unknown));
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    settings,
  );
  const words = wordsOf(issue);
  if (words.length > 0 && typeof value === "string")
    return `The setting "${name}" of the recipe is wrong: it is ${quoted(value)}, and can be ${words.join(", ")}${didYouMean(value, words)}`;
  const wanted = expectation(issue);
  const found = value === undefined ? "is missing" : `is ${brief(value)}`;
  return `The setting "${name}" of the recipe is wrong: ${wanted ? `it ${found}, and must be ${wanted}` : issue.message}.`;
}

/** The message of a union that was given none. */
const unsaid = "Invalid input";

/**
 * What is wrong inside a value that may be of several kinds, if it can only be meant as one of them: the others want no list
 * or no object in its place. Undefined if it is none, or a plain value, or the setting has a message of its own.
 */
function meantKind({ errors, path, message }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] | undefined {
  if (message !== unsaid) return undefined;
  const isOther = ({ code, path: at }: z.core.$ZodIssue) =>
    at.length === 0 && /^invalid_(type|value|format)$/.test(code);
  const meant = errors.filter((issues) => !issues.some(isOther));
  if (meant.length !== 1 || meant.length === errors.length) return undefined;
  return meant[0].map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

/** What the schema expects here, to follow "must be"; undefined if only its own message says so. */
function expectation(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return types[issue.expected];
    case "invalid_union":
      return optionsOf(issue).length > 0 ? `one of ${optionsOf(issue).map(quoted).join(", ")}` : anyOf(issue);
    case "invalid_value":
      return `one of ${issue.values.map((v) => JSON.stringify(v)).join(", ")}`;
    case "too_small":
      if (issue.origin === "array") return `a list of ${issue.minimum} values`;
      return issue.inclusive ? `${issue.minimum} or more` : `greater than ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "array") return `a list of ${issue.maximum} values`;
      return issue.inclusive ? `${issue.maximum} or less` : `less than ${issue.maximum}`;
    default:
      return undefined;
  }
}

/** The kinds of a union without a message of its own. */
function anyOf({ errors, message }: z.core.$ZodIssueInvalidUnion): string | undefined {
  const kinds = errors.map(([first]) => first && expectation(first));
  return message === unsaid && kinds.every((kind) => kind !== undefined) ? kinds.join(" or ") : undefined;
}

const types: Readonly<Record<string, string | undefined>> = {
  number: "a number",
  int: "a whole number",
  string: "a string",
  boolean: "true or false",
  tuple: "a list",
  array: "a list",
  object: "an object of settings",
  record: "an object of settings",
};

function brief(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 80);
  } catch {
    return "a value too deep to show"; // thousands of nested brackets
  }
}

/** The words that tell the kinds of a setting apart. */
const optionsOf = (issue: z.core.$ZodIssueInvalidUnion): string[] =>
  "options" in issue ? (issue.options ?? []).map(String) : [];

/** The words that would have been valid here. */
function wordsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "invalid_union") return [...issue.errors.flat().flatMap(wordsOf), ...optionsOf(issue)];
  // The message of a form is how it is written.
  if (issue.code === "invalid_format" && issue.format === "template_literal") return [issue.message];
  return issue.code === "invalid_value" ? issue.values.filter((v) => typeof v === "string") : [];
}
