/** The classes of a teacher beside those of the data, matched by name. */

import { nearest } from "../errors/nearest.js";
import { UsageError } from "../errors.js";

/** Names that differ only in case and in what joins words mean the same. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .trim();

/**
 * For every class of the data, the teacher's index of it; undefined where both lists are the same. `names` are the
 * teacher's, undefined where nobody tells, and then its `count` classes must be those of the data in their order.
 */
export function mapClasses(
  names: readonly string[] | undefined,
  count: number,
  classes: readonly string[],
  source: string,
): Int32Array | undefined {
  if (names === undefined) {
    if (count === classes.length) return undefined;
    throw new UsageError(
      `The teacher in "${source}" knows ${count} classes, but the data has ${classes.length}, and nothing names the teacher's; set teacherClasses to a file with a name per line, or fine-tune a teacher on these classes first.`,
    );
  }
  if (names.length !== count) {
    throw new UsageError(
      `The teacher in "${source}" knows ${count} classes, but ${names.length} names are given for them; give one per class, in the order of its outputs.`,
    );
  }
  const exact = new Map(names.map((name, i) => [name, i]));
  const loose = new Map(names.map((name, i) => [plain(name), i]));
  const indices = classes.map((name) => exact.get(name) ?? loose.get(plain(name)));
  const missing = classes.filter((_, i) => indices[i] === undefined);
  if (missing.length > 0) {
    const more = missing.length > 1 ? ` and ${missing.length - 1} more of ${classes.length} classes` : "";
    const near = nearest(missing[0], names);
    throw new UsageError(
      `The teacher in "${source}" does not know "${missing[0]}"${more} of the data${near === undefined ? "" : ` (its nearest is "${near}")`}; choose a teacher of these classes, or name the teacher's as the data does in a file (teacherClasses).`,
    );
  }
  const found = Int32Array.from(indices as number[]);
  return count === classes.length && found.every((v, i) => v === i) ? undefined : found;
}
