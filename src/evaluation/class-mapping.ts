/** Matches the classes of a teacher, or of any other classifier, with those of the data by name. */
import { mismatch } from "../data/dataset/class-matching.js";
import { UsageError } from "../errors/errors.js";
import { nearest } from "../errors/nearest.js";
import { sentence, way } from "../errors/sentence.js";
import { type OnnxNames, teacherNames } from "./onnx-file/names.js";
import { orderInDoubt } from "./output-classes.js";
import { matchOutputs } from "./output-names.js";

/**
 * For every class of the data, its index in the classifier; undefined if both lists are the same. `names` are the
 * classifier's; if undefined, its `count` classes must be those of the data in the same order.
 */
export function mapClasses(
  names: readonly string[] | undefined,
  count: number,
  classes: readonly string[],
  source: string,
  called: OnnxNames = teacherNames,
): Int32Array | undefined {
  const who = called.called;
  if (names === undefined) {
    requireSameOrder(count, classes, source, called);
    return undefined;
  }
  if (names.length !== count) {
    throw new UsageError(
      `The ${who} in "${source}" has ${count} classes, but ${names.length} names are given for them; give one per class, in the order of its outputs.`,
    );
  }
  const match = matchOutputs(classes, names);
  if (match.kind === "same") return undefined;
  if (match.kind === "unknown") {
    const [missing, ...others] = match.names;
    const more = others.length > 0 ? ` and ${others.length} more of ${classes.length} classes` : "";
    const near = nearest(missing, names);
    throw new UsageError(
      sentence`The ${who} in "${source}" does not know "${missing}"${more} of the data${near === undefined ? "" : ` (its nearest is "${near}")`}; choose a ${who} of these classes${way`, or name the ${who}'s as the data does in a file (${called.setting("classes")})`}.`,
    );
  }
  if (match.kind !== "matched")
    throw new UsageError(
      sentence`The classes of the ${who} in "${source}" cannot be told apart: ${mismatch(match, names)!}${way`; name them as the data does in a file (${called.setting("classes")}), each by a name of its own`}.`,
    );
  return count === classes.length && match.indices.every((v, i) => v === i) ? undefined : match.indices;
}

function requireSameOrder(
  count: number,
  classes: readonly string[],
  source: string,
  { called: who, setting }: OnnxNames,
): void {
  const file = setting("classes");
  if (count !== classes.length)
    throw new UsageError(
      sentence`The ${who} in "${source}" has ${count} classes, but the data has ${classes.length}, and the ${who}'s have no names; ${way`set ${file} to a file with one name per line, or `}fine-tune a ${who} on these classes first.`,
    );
  const doubt = orderInDoubt(classes);
  if (doubt)
    throw new UsageError(
      sentence`There are no class names for the ${who} in "${source}", and their order is in doubt: ${doubt}${way`; set ${file} to a file with a name per line, in the order of its outputs`}.`,
    );
}

/** The columns of the data's classes in a classifier's outputs, determined once. */
export interface ClassColumns {
  /** Throws UsageError if a classifier of `count` classes does not have those of the data. */
  require(count: number): void;
  /** The data's classes in `rows` rows of outputs, in the data's order: `[rows, classes]`. */
  of(answers: Float32Array, rows: number): Float32Array;
}

/** `names` are the classifier's, as in `mapClasses`; `source` is its file, for messages. */
export function classColumns(
  names: readonly string[] | undefined,
  classes: readonly string[],
  source: string,
  called: OnnxNames,
): ClassColumns {
  let known: { readonly count: number; readonly indices: Int32Array | undefined } | undefined;
  const indicesFor = (count: number): Int32Array | undefined => {
    if (known?.count !== count) known = { count, indices: mapClasses(names, count, classes, source, called) };
    return known.indices;
  };
  return {
    require: (count) => void indicesFor(count),
    of: (answers, rows) => {
      const count = answers.length / rows;
      const indices = indicesFor(count);
      if (!indices) return answers;
      const out = new Float32Array(rows * indices.length);
      for (let row = 0; row < rows; row++)
        indices.forEach((from, to) => {
          out[row * indices.length + to] = answers[row * count + from];
        });
      return out;
    },
  };
}
