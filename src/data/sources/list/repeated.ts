/** Images listed more than once, as in lists of bounding boxes: a row for each object in an image. */
import { FileError } from "../../../errors/errors.js";
import { quoted } from "../../../errors/quoted.js";
import type { Uint32Column } from "../../dataset/columns.js";
import type { FileList } from "../../dataset/files.js";
import type { LabelColumn, Labelled } from "../../dataset/labels.js";

/** The contents of a list's rows. */
export interface ListedRows {
  readonly files: FileList;
  /** Labels as written, or missing. */
  readonly labels: LabelColumn;
  readonly resolved: Labelled;
  /** Rows by their stated part; empty if none is stated. */
  readonly parts: ReadonlyMap<string, Uint32Column>;
}

/**
 * Sentences on images in several rows of one class. Throws FileError if their classes differ: an image cannot be
 * trained as two classes.
 */
export function repeatedImages(list: string, { files, labels, resolved, parts }: ListedRows): string[] {
  const firsts = files.firstOfSame();
  const part = partOfEach(files.length, parts);
  let within = 0;
  const [torn, crossing] = [new Set<number>(), new Set<number>()];
  let sentence = "";
  for (const [row, first] of firsts.entries()) {
    if (first === row || !labels.has(row) || !labels.has(first)) continue;
    const [one, other] = [first, row].map((i) => resolved.labels.at(i));
    if (one !== other) {
      const [a, b] = [one, other].map((label) => quoted(resolved.classes[label]));
      sentence ||= `"${list}" gives the image ${quoted(files.relative(row))} two classes: ${a} in sample ${first + 1} and ${b} in sample ${row + 1}`;
      torn.add(first);
    } else if (part[row] === part[first]) within++;
    else crossing.add(first);
  }
  if (torn.size > 0) {
    const more = torn.size > 1 ? `, and so to ${(torn.size - 1).toLocaleString("en")} more` : "";
    throw new FileError(
      list,
      `${sentence}${more}; an image is of one class here. Keep one row for each image; write several labels in one row (list,separator=|:${list} reads cat|dog); or, where rows are boxes, cut these out as images of their own.`,
    );
  }
  return [
    ...(within > 0
      ? [
          `${within.toLocaleString("en")} samples of "${list}" name an image again that a sample before them names, and weigh as much as it.`,
        ]
      : []),
    ...(crossing.size > 0
      ? [
          `${crossing.size.toLocaleString("en")} ${crossing.size === 1 ? "image stands" : "images stand"} in more than one part of "${list}": what is measured on pictures that were learnt says little about others.`,
        ]
      : []),
  ];
}

/** Throws FileError for an image in several rows, where one row has all of its labels. */
export function requireOnce(list: string, files: FileList): void {
  const at = files.firstOfSame().findIndex((first, row) => first !== row);
  if (at < 0) return;
  throw new FileError(
    list,
    `Sample ${at + 1} of "${list}" names the image ${quoted(files.relative(at))} again; write all labels of an image in one row.`,
  );
}

/** A number for the part of each row. */
function partOfEach(rows: number, parts: ListedRows["parts"]): Uint32Array {
  const part = new Uint32Array(rows);
  for (const [number, members] of [...parts.values()].entries())
    for (let i = 0; i < members.length; i++) part[members.at(i)] = number;
  return part;
}
