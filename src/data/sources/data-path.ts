/** A path to data with an optional prefix: the format's name, and choices on how to read it. */
import { UsageError } from "../../errors/errors.js";
import type { Choices, choiceKeys } from "../dataset/dataset.js";
import { formats } from "./formats.js";

export interface DataPath {
  /** The name of a format; detected if not given. */
  readonly format?: string;
  readonly choices: Choices;
  readonly path: string;
}

/** Reads `path`, `list:path` or `list,label=species,image=file:path`. Throws UsageError for a choice the format lacks. */
export function parseDataPath(text: string): DataPath {
  const [, format = "", said = "", path = ""] = /^([a-z]+)((?:,[^,:=]+=[^,:=]*)*):(.*)$/s.exec(text) ?? [];
  if (!Object.hasOwn(formats, format)) return { choices: {}, path: text };
  const allowed = formats[format].choices;
  const choices: Partial<Record<(typeof choiceKeys)[number], string>> = {};
  for (const [, key, value] of said.matchAll(/,([^,:=]+)=([^,:=]*)/g)) {
    const known = allowed.find((each) => each === key);
    if (known === undefined || value === "") {
      const way =
        allowed.length === 0
          ? "nothing may be chosen for it"
          : `it knows ${allowed.join(", ")}, as ${format},${allowed[0]}=NAME:PATH`;
      throw new UsageError(`"${key}=${value}" before "${path}" is not a choice for the format ${format}; ${way}.`);
    }
    choices[known] = value;
  }
  return { format, choices, path };
}
