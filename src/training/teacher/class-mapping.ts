/** The classes of a teacher beside those of the data, matched by name as everywhere. */
import { mismatch } from "../../data/dataset/class-matching.js";
import { UsageError } from "../../errors/errors.js";
import { nearest } from "../../errors/nearest.js";
import { matchOutputs, orderInDoubt } from "../../evaluation/output-classes.js";

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
    requireSameOrder(count, classes, source);
    return undefined;
  }
  if (names.length !== count) {
    throw new UsageError(
      `The teacher in "${source}" knows ${count} classes, but ${names.length} names are given for them; give one per class, in the order of its outputs.`,
    );
  }
  const match = matchOutputs(classes, names);
  if (match.kind === "same") return undefined;
  if (match.kind === "unknown") {
    const [missing, ...others] = match.names;
    const more = others.length > 0 ? ` and ${others.length} more of ${classes.length} classes` : "";
    const near = nearest(missing, names);
    throw new UsageError(
      `The teacher in "${source}" does not know "${missing}"${more} of the data${near === undefined ? "" : ` (its nearest is "${near}")`}; choose a teacher of these classes, or name the teacher's as the data does in a file (teacherClasses).`,
    );
  }
  if (match.kind !== "matched")
    throw new UsageError(
      `The classes of the teacher in "${source}" cannot be told apart: ${mismatch(match, names)}; name them as the data does in a file (teacherClasses), each by a name of its own.`,
    );
  return count === classes.length && match.indices.every((v, i) => v === i) ? undefined : match.indices;
}

function requireSameOrder(count: number, classes: readonly string[], source: string): void {
  if (count !== classes.length)
    throw new UsageError(
      `The teacher in "${source}" knows ${count} classes, but the data has ${classes.length}, and nothing names the teacher's; set teacherClasses to a file with a name per line, or fine-tune a teacher on these classes first.`,
    );
  const doubt = orderInDoubt(classes);
  if (doubt)
    throw new UsageError(
      `Nothing names the classes of the teacher in "${source}", and their order is in doubt: ${doubt}; set teacherClasses to a file with a name per line, in the order of its outputs.`,
    );
}
