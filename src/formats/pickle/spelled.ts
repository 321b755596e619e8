/** Values that protocol 0 of Python's pickles writes as lines of text, and pairs as in all protocols. */
import { PickleError, type PickleValue } from "./values.js";

/** Maximum digits of a number: the time to read one grows with their square. */
const longest = 4096;

export function spelledNumber(line: string): PickleValue {
  if (line === "01" || line === "00") return line === "01"; // truth values, as integers
  const digits = line.replace(/L$/, "");
  if (digits.length > longest) throw new PickleError(`holds a number of ${digits.length} digits`);
  const value = /^[+-]?(\d|\.|inf|nan)/.test(digits) ? Number(digits.replace(/inf$/, "Infinity")) : Number.NaN;
  if (Number.isNaN(value) && digits !== "nan") throw new PickleError("spells a number that is none");
  return Number.isInteger(value) && !Number.isSafeInteger(value) && /^[+-]?\d+$/.test(digits) ? BigInt(digits) : value;
}

/** A string in Python's quotes, or bare; escapes are not decoded, since no tensor name has any. */
export const spelledText = (line: string): string => /^(['"])(.*)\1$/.exec(line)?.[2] ?? line;

/** A text in Python's raw Unicode escapes: letters of Latin-1 stand for themselves, all others for their numbers. */
export const unicodeText = (line: string): string =>
  line.replace(/\\u([0-9a-f]{4})|\\U(00(?:0[0-9a-f]|10)[0-9a-f]{4})/gi, (_, short, long) =>
    String.fromCodePoint(Number.parseInt(short ?? long, 16)),
  );

/** Pairs from alternating keys and values. */
export function pairsOf(items: readonly PickleValue[]): [PickleValue, PickleValue][] {
  if (items.length % 2 !== 0) throw new PickleError("holds a key without a value");
  return Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i], items[2 * i + 1]]);
}
