/** Untrusted JSON: its size is checked before anything is built from it. */

export interface JsonLimits {
  /** Depth of nested brackets. */
  readonly depth?: number;
  /** Names, values and brackets together: each costs more memory than its bytes suggest. */
  readonly items?: number;
}

/** Enough for nearly all files; the few larger ones pass their own limits. */
const usual = { depth: 64, items: 2_000_000 } as const;

/** The message completes "the file …". */
export class JsonError extends Error {}

/** The value of a JSON string. Throws only JsonError. */
export function parseJson(text: string, { depth = usual.depth, items = usual.items }: JsonLimits = {}): unknown {
  const bare = text.startsWith("\uFEFF") ? text.slice(1) : text;
  checkSize(bare, depth, items);
  try {
    return JSON.parse(bare);
  } catch (cause) {
    throw new JsonError(`is no JSON (${syntaxReason(cause, bare)})`, { cause });
  }
}

/** The parser's message, with line and column as editors count them. */
function syntaxReason(error: unknown, text: string): string {
  const said = error instanceof Error ? error.message.replace(/\s+/g, " ") : "";
  const what = said.replace(/( in JSON)?( at position \d+.*)?( is not valid JSON)?$/, "");
  const position = /at position (\d+)/.exec(said)?.[1];
  if (position === undefined) return what;
  const before = text.slice(0, Number(position)).split("\n");
  return `${what}, line ${before.length}, column ${before[before.length - 1].length + 1}`;
}

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value if it is an object and not an array; otherwise undefined. */
export const asObject = (value: unknown): JsonObject | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;

/** The value of a JSON string; undefined if there is none, it is not JSON, or it exceeds the limits. */
export function tryJson(text: string | undefined, limits?: JsonLimits): unknown {
  try {
    return text === undefined ? undefined : parseJson(text, limits);
  } catch {
    return undefined;
  }
}

const [quote, backslash, comma, colon, listStart, listEnd, mapStart, mapEnd] = [...'"\\,:[]{}'].map((c) =>
  c.charCodeAt(0),
);

/** Only strings, brackets and separators are examined; the parser checks the rest of the syntax. */
function checkSize(text: string, depth: number, items: number): void {
  let [open, count] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === quote) at = endOfString(text, at);
    else if (c === listStart || c === mapStart) {
      count++;
      if (++open > depth) throw new JsonError(`nests its values deeper than ${depth} levels`);
    } else if (c === listEnd || c === mapEnd) open--;
    else if (c === comma || c === colon) count++;
    if (count > items) throw new JsonError(`holds more than ${items} values`);
  }
}

/** Position of the closing quote of the string that begins at `at`; the end of the text if there is none. */
function endOfString(text: string, at: number): number {
  for (let i = at + 1; ; i++) {
    i = text.indexOf('"', i);
    if (i < 0) return text.length;
    let before = i;
    while (text.charCodeAt(before - 1) === backslash) before--;
    if ((i - before) % 2 === 0) return i;
  }
}
