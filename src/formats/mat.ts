/** MATLAB files (version 5, which some datasets use for labels): numbers, text, cells and structures. */
import { inflateSync } from "node:zlib";
import { FileError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import { readWhole } from "../system/files/regular-file.js";

/** Numbers in column-major order, text, a list of cells, or a list of structures. */
export type MatValue = readonly number[] | string | readonly MatValue[] | readonly MatStruct[];
export type MatStruct = ReadonlyMap<string, MatValue>;

/**
 * Limits for a whole file: the labels of datasets take a few megabytes and some ten thousand values. A number or a cell
 * takes many times more memory than its bytes.
 */
const largest = { file: 16 * 2 ** 20, unpacked: 32 * 2 ** 20, values: 400_000, numbers: 2_000_000, depth: 16 };

class MatError extends Error {}

/** Variables of a file by name, all of them by default. Throws FileError if it is damaged or of a different version. */
export async function readMat(path: string, wanted?: readonly string[]): Promise<ReadonlyMap<string, MatValue>> {
  const bytes = await readWhole(path, largest.file).catch((error) => {
    throw fileError(path, "read", error);
  });
  return parseMat(path, bytes, wanted);
}

/** The same from a file's bytes; `path` names them in messages. */
export function parseMat(path: string, bytes: Buffer, wanted?: readonly string[]): ReadonlyMap<string, MatValue> {
  if (bytes.length > largest.file) throw refused(path, `has ${bytes.length} bytes, above the limit of ${largest.file}`);
  try {
    return variablesOf(bytes, wanted && new Set(wanted));
  } catch (error) {
    if (error instanceof MatError) throw refused(path, error.message, error);
    throw error;
  }
}

function refused(path: string, reason: string, cause?: unknown): FileError {
  return new FileError(path, `The MATLAB file "${path}" ${reason}; get the file again.`, { cause });
}

function variablesOf(bytes: Buffer, wanted?: ReadonlySet<string>): Map<string, MatValue> {
  if (bytes.length < 128 || bytes.toString("latin1", 126, 128) !== "IM")
    throw new MatError("is not of version 5, little-endian");
  const variables = new Map<string, MatValue>();
  const budget = new Budget();
  for (const element of elements(bytes.subarray(128), budget)) {
    const matrix =
      element.type === types.compressed ? first(elements(inflated(element.data, budget), budget)) : element;
    if (matrix?.type !== types.matrix) continue;
    const parts = partsOf(matrix.data, budget);
    if (wanted?.has(parts.name) ?? true) variables.set(parts.name, parseValue(parts, 0, budget));
  }
  return variables;
}

/** What a file may still allocate. */
class Budget {
  unpacked = largest.unpacked;
  #values = largest.values;
  #numbers = largest.numbers;

  values(count: number): void {
    this.#values -= count;
    if (this.#values < 0) throw new MatError(`holds more than ${largest.values} values`);
  }

  numbers(count: number): void {
    this.#numbers -= count;
    if (this.#numbers < 0) throw new MatError(`holds more than ${largest.numbers} numbers`);
  }
}

const first = <T>(items: Iterable<T>): T | undefined => {
  for (const item of items) return item;
  return undefined;
};

function inflated(data: Buffer, budget: Budget): Buffer {
  let bytes: Buffer;
  try {
    bytes = inflateSync(data, { maxOutputLength: Math.max(1, budget.unpacked) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new MatError(`unpacks to more than ${largest.unpacked} bytes`);
    throw new MatError("cannot be unpacked");
  }
  budget.unpacked -= bytes.length;
  return bytes;
}

const types = { matrix: 14, compressed: 15, utf8: 16, utf16: 17 } as const;

interface Element {
  readonly type: number;
  readonly data: Buffer;
}

/** The elements of a block; each is padded to eight bytes, except compressed ones. */
function* elements(bytes: Buffer, budget: Budget): Generator<Element, void> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    budget.values(1);
    const word = bytes.readUInt32LE(at);
    // Up to four bytes are stored in the tag itself.
    const small = word >>> 16;
    const type = small > 0 ? word & 0xffff : word;
    const length = small > 0 ? small : bytes.readUInt32LE(at + 4);
    const start = at + (small > 0 ? 4 : 8);
    if (start + length > bytes.length || (small > 0 && small > 4)) throw new MatError("is cut short or damaged");
    yield { type, data: bytes.subarray(start, start + length) };
    at = small > 0 ? at + 8 : start + (type === types.compressed ? length : Math.ceil(length / 8) * 8);
  }
}

const classes = { cell: 1, structure: 2, text: 4, sparse: 5 } as const;

/** The elements that describe a variable, or a value within one. */
interface Parts {
  readonly name: string;
  readonly kind: number;
  readonly count: number;
  readonly rest: readonly Element[];
}

function partsOf(bytes: Buffer, budget: Budget): Parts {
  if (bytes.length === 0) return { name: "", kind: classes.cell, count: 0, rest: [] };
  const [flags, dimensions, name, ...rest] = elements(bytes, budget);
  if (!flags || !dimensions || !name || flags.data.length < 1) throw new MatError("holds a malformed variable");
  const count = numbers(dimensions, budget).reduce((a, b) => a * b, 1);
  return { name: name.data.toString("latin1"), kind: flags.data[0], count, rest };
}

function parseMatrix(bytes: Buffer, depth: number, budget: Budget): MatValue {
  if (depth > largest.depth) throw new MatError("nests its values too deep");
  return parseValue(partsOf(bytes, budget), depth, budget);
}

function parseValue({ kind, count, rest }: Parts, depth: number, budget: Budget): MatValue {
  if (kind === classes.cell) return rest.map((e) => parseMatrix(e.data, depth + 1, budget));
  if (kind === classes.structure) return structures(count, rest, depth, budget);
  if (kind === classes.sparse || kind > 15) throw new MatError(`holds a variable of the unsupported kind ${kind}`);
  const [data] = rest;
  if (!data) return kind === classes.text ? "" : [];
  return kind === classes.text ? text(data) : numbers(data, budget);
}

/** Width of a field's name, the names, then each structure's values in order. */
function structures(
  count: number,
  [width, names, ...values]: readonly Element[],
  depth: number,
  budget: Budget,
): MatStruct[] {
  const size = width ? numbers(width, budget)[0] : 0;
  if (!names || !(size > 0)) throw new MatError("holds a malformed structure");
  budget.values(names.data.length / size);
  const fields = Array.from({ length: Math.floor(names.data.length / size) }, (_, i) => {
    const name = names.data.toString("latin1", i * size, (i + 1) * size);
    return name.slice(0, Math.max(0, name.indexOf("\0")));
  });
  if (fields.length === 0 || count * fields.length !== values.length) throw new MatError("lacks values of a structure");
  return Array.from(
    { length: count },
    (_, i) => new Map(fields.map((f, k) => [f, parseMatrix(values[i * fields.length + k].data, depth + 1, budget)])),
  );
}

function text({ type, data }: Element): string {
  if (type === types.utf8 || type <= 2) return data.toString("utf8");
  if (type === types.utf16 || type === 4) return data.toString("utf16le");
  throw new MatError(`holds text of the unsupported type ${type}`);
}

/** Size in bytes and reader of each numeric type. */
const readers: Readonly<Record<number, readonly [size: number, read: (b: Buffer, at: number) => number]>> = {
  1: [1, (b, at) => b.readInt8(at)],
  2: [1, (b, at) => b.readUInt8(at)],
  3: [2, (b, at) => b.readInt16LE(at)],
  4: [2, (b, at) => b.readUInt16LE(at)],
  5: [4, (b, at) => b.readInt32LE(at)],
  6: [4, (b, at) => b.readUInt32LE(at)],
  7: [4, (b, at) => b.readFloatLE(at)],
  9: [8, (b, at) => b.readDoubleLE(at)],
  12: [8, (b, at) => Number(b.readBigInt64LE(at))],
  13: [8, (b, at) => Number(b.readBigUInt64LE(at))],
};

function numbers({ type, data }: Element, budget: Budget): number[] {
  const reader = readers[type];
  if (!reader) throw new MatError(`holds numbers of the unsupported type ${type}`);
  const [size, read] = reader;
  budget.numbers(data.length / size);
  return Array.from({ length: Math.floor(data.length / size) }, (_, i) => read(data, i * size));
}
