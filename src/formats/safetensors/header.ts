/** The JSON header of a safetensors file, checked before and after it is parsed. */

import { quoted } from "../../errors/quoted.js";
import { parseJson } from "../../system/text/json.js";
import { byteSize, type DType, sizeOf } from "../../tensor/index.js";

/** A malformed header. The message completes "… is not a valid safetensors file: …". */
export class HeaderError extends Error {}

interface Place {
  readonly shape: readonly number[];
  /** First byte and the byte after the last one, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

export interface HeaderEntry extends Place {
  readonly dtype: DType;
}

export interface Header {
  readonly entries: ReadonlyMap<string, HeaderEntry>;
  /** Tensors of unsupported types, with the types' names, such as "F8_E5M2". */
  readonly unread: ReadonlyMap<string, string>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's names of element types. */
export const dtypeNames = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  uint32: "U32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
} as const satisfies Record<DType, string>;
const dtypes = new Map<string, DType>(Object.entries(dtypeNames).map(([dtype, name]) => [name, dtype as DType]));

export const metadataKey = "__metadata__";

/** Maximum nesting: an object of entries, each an object with lists of numbers. */
const deepest = 3;
/** Maximum names and numbers in total. The largest files in use have some ten thousand tensors with ten each. */
const mostValues = 1_000_000;
/** The same as counted by the JSON parser, with brackets and colons. */
const mostItems = 4 * mostValues;
const mostDimensions = 64;

/**
 * Reads a header whose tensors must fill `dataSize` bytes exactly, without overlaps or gaps that could hide data.
 * Throws HeaderError.
 */
export function parseHeader(text: string, dataSize: number): Header {
  checkStructure(text);
  const json = jsonOf(text) as Record<string, unknown>;
  let metadata: Readonly<Record<string, string>> = {};
  const entries = new Map<string, HeaderEntry>();
  const unread = new Map<string, string>();
  const places = new Map<string, Place>();
  for (const [name, value] of Object.entries(json)) {
    if (name === metadataKey) {
      metadata = parseMetadata(value);
      continue;
    }
    const { code, dtype, ...place } = parseEntry(name, value);
    places.set(name, place);
    if (dtype) entries.set(name, { dtype, ...place });
    else unread.set(name, code);
  }
  let at = 0;
  for (const [name, entry] of [...places].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== at)
      throw new HeaderError(`tensor ${quoted(name)} begins at byte ${entry.begin} instead of ${at}`);
    at = entry.end;
  }
  if (at !== dataSize) throw new HeaderError(`its tensors take ${at} bytes, but ${dataSize} are there`);
  return { entries, unread, metadata };
}

/**
 * Refuses what JSON.parse would accept or fail on: duplicate names, of which it keeps the last, deep nesting and too
 * many values. Only strings and brackets are examined; the parser checks the rest of the syntax.
 */
function checkStructure(text: string): void {
  if (!text.startsWith("{")) throw new HeaderError("its header does not begin with {");
  /** Names in each open object; undefined for a list. */
  const open: (Set<string> | undefined)[] = [];
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === "{" || c === "[") {
      open.push(c === "{" ? new Set() : undefined);
      if (open.length > deepest) throw new HeaderError("its header is nested too deeply");
    } else if (c === "}" || c === "]") open.pop();
    else if (c === ",") {
      if (++values > mostValues) throw new HeaderError(`its header holds more than ${mostValues} values`);
    } else if (c === '"') {
      const from = at;
      at = endOfString(text, at);
      if (!isName(text, at)) continue;
      const name = jsonOf(text.slice(from, at + 1)) as string;
      const names = open.at(-1);
      if (names?.has(name)) throw new HeaderError(`${quoted(name)} is given twice`);
      names?.add(name);
    }
  }
}

/** Position of the closing quote of the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '"') return i;
    if (text[i] === "\\") i++;
  }
  throw new HeaderError("its header is no JSON");
}

/** Whether a colon follows the string that ends at `at`. */
function isName(text: string, at: number): boolean {
  let next = at + 1;
  while (" \t\n\r".includes(text[next] ?? "x")) next++;
  return text[next] === ":";
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text, { depth: deepest, items: mostItems });
  } catch {
    throw new HeaderError("its header is no JSON");
  }
}

function parseMetadata(value: unknown): Readonly<Record<string, string>> {
  const isText = (entry: [string, unknown]): entry is [string, string] => typeof entry[1] === "string";
  const entries = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  if (typeof value !== "object" || value === null || Array.isArray(value) || !entries.every(isText))
    throw new HeaderError("its metadata are not a map of strings");
  return Object.fromEntries(entries);
}

/** The form in which other programs name element types: letters, bits and a variant. */
const typeCode = /^[A-Z][A-Z0-9_]{0,15}$/;

function parseEntry(name: string, value: unknown): Place & { readonly code: string; readonly dtype?: DType } {
  const { dtype: code, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof code !== "string") throw new HeaderError(`tensor ${quoted(name)} has no type`);
  if (!typeCode.test(code)) throw new HeaderError(`tensor ${quoted(name)} has the impossible type ${quoted(code)}`);
  const dtype = dtypes.get(code);
  const counts = (v: unknown): v is number[] => Array.isArray(v) && v.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!counts(shape) || shape.length > mostDimensions || !counts(offsets) || offsets.length !== 2)
    throw new HeaderError(`tensor ${quoted(name)} has a malformed shape or malformed offsets`);
  const [begin, end] = offsets;
  const bytes = dtype ? sizeOf(shape) * byteSize(dtype) : end - begin;
  if (!Number.isSafeInteger(bytes) || bytes < 0 || end - begin !== bytes) {
    throw new HeaderError(
      `tensor ${quoted(name)} of shape [${shape}] needs ${bytes} bytes, but its offsets say ${end - begin}`,
    );
  }
  return { code, dtype, shape, begin, end };
}
