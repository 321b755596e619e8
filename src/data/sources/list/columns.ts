/** The meaning of a list's columns: by name, or because no other column fits; never by a guess. */
import { FileError, UsageError } from "../../../errors/errors.js";
import { quoted } from "../../../errors/quoted.js";
import type { Choices } from "../../dataset/dataset.js";
import { isPartColumn, listed, plainName } from "../../dataset/parts.js";
import { hiddenParts, unusedFolds } from "./hidden-parts.js";
import type { Cells, ListTable } from "./table.js";

export interface ListColumns {
  readonly path: number;
  /** Columns with the classes; several if there are both names and numbers; empty for a list without classes. */
  readonly labels: readonly number[];
  readonly split?: number;
  readonly names: readonly string[];
  /** Whether the first row contains the names. */
  readonly hasHeader: boolean;
  /** Whether path and label were found by known names, or by the user's choice. */
  readonly byName: boolean;
  /** Sentences on unused columns. */
  readonly notes: readonly string[];
}

/** Names of columns in lower case without spaces and punctuation; a name in an earlier group takes precedence. */
const pathNames = [
  ["path", "filepath", "filename", "file", "fname", "imagepath", "imgpath", "imagefile", "imagefilename", "imagename"],
  ["imgname", "imgfile", "relativepath", "relpath"],
  ["image", "img", "picture", "photo", "images"],
  ["id", "imageid", "imgid", "idcode", "photoid"],
] as const;
const labelNames = [
  ...["label", "labels", "class", "classes", "classname", "classid", "classlabel", "category", "categoryname"],
  ...["categoryid", "target", "targets", "species", "breed", "labelname", "labelid", "finelabel", "y"],
];

const isPathName = (name: string): boolean => pathNames.some((group) => (group as readonly string[]).includes(name));
const isLabelName = (name: string): boolean => labelNames.includes(name);

/** Whether a cell names an image: at the given path, or anywhere below the list's folder. */
export interface Locates {
  readonly there: (cell: unknown) => Promise<boolean>;
  readonly anywhere: (cell: unknown) => Promise<boolean>;
}

/** Columns of a list without a header, in order. */
const bare = ["path", "label", "split"];

/** Finds the columns. Throws FileError if more than one may be meant, with their names and how to choose. */
export async function findColumns(
  list: string,
  table: ListTable,
  choices: Choices,
  locates: Locates,
): Promise<ListColumns> {
  const hasHeader = table.names === undefined && (await beginsWithHeader(table.head, choices, locates));
  const first = hasHeader ? table.head[1] : table.head[0];
  const width = Math.max(0, ...table.head.map((row) => row.length));
  const names = table.names ?? (hasHeader ? (table.head[0] as string[]).map(String) : bareNames(list, width, choices));
  const known = names.map(plainName);
  const columns = names.map((_, i) => i);
  const chosen = (key: "image" | "label" | "split"): number | undefined => {
    const wanted = choices[key];
    if (wanted === undefined || (key === "split" && wanted === "none")) return undefined;
    const at = names.indexOf(wanted);
    const found = at >= 0 ? at : known.indexOf(plainName(wanted));
    if (found >= 0) return found;
    throw new UsageError(`"${list}" has no column ${quoted(wanted)}; its columns are ${listed(names, 20)}.`);
  };
  const splits = columns.filter((i) => isPartColumn(names[i]));
  const split = chosen("split") ?? (choices.split === "none" ? undefined : splits[0]);
  if (split !== undefined && choices.split === undefined && splits.length > 1)
    throw ambiguous(
      list,
      "the parts",
      splits.map((i) => names[i]),
      "split",
    );
  const free = columns.filter((i) => i !== split);

  const image = chosen("image");
  const path = image ?? (await pathColumn(list, { names, known, free }, first, locates));
  const label = chosen("label");
  const rest = free.filter((i) => i !== path && !(choices.split === "none" && splits.includes(i)));
  const byLabelName = rest.filter((i) => isLabelName(known[i]));
  const byName = (image !== undefined || isPathName(known[path])) && (label !== undefined || byLabelName.length > 0);
  const labels = label !== undefined ? [label] : byLabelName.length > 0 ? byLabelName : rest;
  if (label === undefined && byLabelName.length === 0 && rest.length > 1) {
    if (areMarks(table, hasHeader, rest)) throw marked(list, names, path, rest);
    throw ambiguous(
      list,
      "the classes",
      rest.map((i) => names[i]),
      "label",
    );
  }
  const unused = rest
    .filter((i) => !labels.includes(i))
    .map((i) => ({ name: names[i], values: cellsOf(table, hasHeader, i) }));
  if (split === undefined && choices.split === undefined) {
    const complaint = hiddenParts(list, unused);
    if (complaint !== undefined) throw new FileError(list, complaint);
  }
  const notes = split === undefined && choices.split === undefined ? unusedFolds(list, unused) : [];
  return { path, labels, split, names, hasHeader, byName, notes };
}

/** Whether each of the first rows has 1 in one of these columns and 0 in the others. */
const areMarks = ({ head }: ListTable, hasHeader: boolean, columns: readonly number[]): boolean =>
  head.slice(hasHeader ? 1 : 0).every((row) => {
    const cells = columns.map((i) => (String(row[i] ?? "").trim() === "" ? Number.NaN : Number(row[i])));
    return cells.every((cell) => cell === 0 || cell === 1) && cells.filter((cell) => cell === 1).length === 1;
  });

const marked = (list: string, names: readonly string[], path: number, columns: readonly number[]): FileError =>
  new FileError(
    list,
    `"${list}" has a column for each class (${listed(
      columns.map((i) => names[i]),
      4,
    )}) with 1 for the class of the image, which is not read. Write a list with two columns instead: ${quoted(names[path])} and "label", the name of the class.`,
  );

/** The first non-empty cells of a column. */
const cellsOf = (table: ListTable, hasHeader: boolean, column: number): string[] =>
  table.head
    .slice(hasHeader ? 1 : 0)
    .map((row) => String(row[column] ?? ""))
    .filter((value) => value !== "");

/** Whether the first row contains names: known ones, or ones that are not a file while the next row's cells are. */
async function beginsWithHeader(head: readonly Cells[], choices: Choices, locates: Locates): Promise<boolean> {
  const [first = [], second = []] = head;
  const said = [choices.image, choices.label, choices.split].some((name) => name !== undefined && first.includes(name));
  if (said) return true;
  if ((await fitting(first, locates.there)).length > 0) return false;
  const known = first.map((cell) => plainName(String(cell)));
  if (known.some((name) => isPathName(name) || isLabelName(name))) return true;
  for (const is of [locates.there, locates.anywhere])
    for (const [cells, header] of [[first, false] as const, [second, true] as const])
      if ((await fitting(cells, is)).length > 0) return header;
  return false;
}

/** Indices of the matching cells. */
async function fitting(cells: Cells, is: (cell: unknown) => Promise<boolean>): Promise<number[]> {
  const found: number[] = [];
  for (const [i, cell] of cells.entries()) if (await is(cell)) found.push(i);
  return found;
}

function bareNames(list: string, width: number, choices: Choices): readonly string[] {
  if (width <= bare.length) return bare.slice(0, Math.max(width, 2));
  const numbers = Array.from({ length: width }, (_, i) => String(i + 1));
  if (choices.image !== undefined && choices.label !== undefined) return numbers;
  throw new FileError(
    list,
    `"${list}" has ${width} columns and no names above them that are known; write path,label as its first line, or number them before its name, as list,image=1,label=2:${list}.`,
  );
}

interface Named {
  readonly names: readonly string[];
  readonly known: readonly string[];
  readonly free: readonly number[];
}

/** Among columns with known names, the one whose file exists; otherwise the one with the best-known name. */
async function pathColumn(list: string, { names, known, free }: Named, first: Cells = [], locates: Locates) {
  const groups = pathNames.map((group) => free.filter((i) => (group as readonly string[]).includes(known[i])));
  const only = (columns: readonly number[]): number => {
    if (columns.length === 1) return columns[0];
    throw ambiguous(
      list,
      "the images",
      columns.map((i) => names[i]),
      "image",
    );
  };
  for (const is of [locates.there, locates.anywhere]) {
    const found = (await fitting(first, is)).filter((i) => free.includes(i));
    const best = groups.map((group) => group.filter((i) => found.includes(i))).find((group) => group.length > 0);
    if (best || found.length > 0) return only(best ?? found);
  }
  return only(groups.find((group) => group.length > 0) ?? free);
}

function ambiguous(list: string, what: string, names: readonly string[], key: string): FileError {
  return new FileError(
    list,
    `"${list}" does not say which of its columns holds ${what}: ${listed(names, 20)}. Specify it before the path: list,${key}=${names[0]}:${list}.`,
  );
}
