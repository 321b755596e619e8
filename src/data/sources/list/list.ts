/** Lists of samples: CSV or JSON lines with a path, a label and, if there are parts, the part. */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FileError, UnlabelledPartError } from "../../../errors/errors.js";
import { fileError } from "../../../errors/file-error.js";
import { hasControls, quoted } from "../../../errors/quoted.js";
import { rawPath } from "../../../system/files/raw-path.js";
import { Uint32Column } from "../../dataset/columns.js";
import {
  type Choices,
  type Dataset,
  type OpenOptions,
  type PartName,
  partNames,
  subset,
} from "../../dataset/dataset.js";
import { FileList, fileDataset, filesNamed, isImageName, readOwnClasses } from "../../dataset/files.js";
import { classNotes, LabelColumn } from "../../dataset/labels.js";
import { isPlainPartName, listed, noPart, partNaming, requireUndivided } from "../../dataset/parts.js";
import { hasFile, type Place } from "../../dataset/place.js";
import { findColumns, type ListColumns } from "./columns.js";
import { ListedFiles } from "./files.js";
import { repeatedImages, requireOnce } from "./repeated.js";
import { holdsSeveral, SeveralLabels } from "./several.js";
import { type Cells, isCsv, type ListTable, openTable } from "./table.js";

/** A list in the folder that it describes; the second name is that of the Hugging Face libraries. */
export const ownList = /^(samples|metadata)\.(csv|tsv|jsonl)$/;

export const isListFile = (name: string): boolean => isCsv(name) || /\.(jsonl|ndjson)$/i.test(name);

/** The list in a folder. */
const ownListOf = async (folder: string): Promise<string> =>
  join(folder, (await filesNamed(folder, ownList)).at(-1) ?? "samples.csv");

/**
 * Whether the list in a folder describes images and their labels. Next to images or folders it must do so by the names
 * of its columns, and its first image must exist: other files are called metadata too.
 */
export async function describesPlace(place: Place): Promise<boolean> {
  if (!hasFile(place, ownList)) return false;
  if (place.folders.length === 0 && !place.files.some(isImageName)) return true;
  const list = await ownListOf(place.path);
  const files = new ListedFiles(list);
  try {
    const table = await openTable(list, (cell) => isListed(files, cell));
    const { path, byName, hasHeader } = await findColumns(list, table, {}, files.locates);
    return byName && (await files.locates.there(table.head[hasHeader ? 1 : 0]?.[path]));
  } catch (error) {
    if (error instanceof FileError) return false;
    throw error;
  }
}

/** Whether a cell names an image, where it says or elsewhere below the list's folder. */
const isListed = async ({ locates }: ListedFiles, cell: unknown): Promise<boolean> =>
  (await locates.there(cell)) || locates.anywhere(cell);

/** Opens a list, or the one of a folder. Paths are relative to the list; classes are those of all parts together. */
export async function openList(path: string, options: OpenOptions): Promise<Dataset> {
  const info = await stat(rawPath(path)).catch((error) => {
    throw fileError(path, "read the list", error);
  });
  const { choices = {} } = options;
  const list = info.isDirectory() ? await ownListOf(path) : path;
  const found = new ListedFiles(list, choices.images);
  const table = await openTable(list, (cell) => isListed(found, cell));
  if (table.head.length === 0) throw new FileError(list, `"${list}" lists no samples.`);
  const columns = await findColumns(list, table, choices, found.locates);
  if (columns.split === undefined) requireUndivided(list, options.split);
  const samples = await readSamples(list, table, columns, found, choices);
  const { files, labels, parts } = samples;
  if (files.length === 0) throw new FileError(list, `"${list}" lists no samples.`);
  const { members, notes } = membersOf(list, parts, options);
  const own = await readOwnClasses(dirname(list));
  if (labels instanceof SeveralLabels) {
    requireOnce(list, files);
    const resolved = labels.resolve(list, { wanted: options.classes, own });
    const said = [...notes, ...samples.notes, ...classNotes(resolved, options.classes)];
    if (info.isDirectory()) said.push(...(await otherLists(path, list)));
    const all = { ...fileDataset(files, labels.first(resolved), { notes: said }), labelsOf: labels.of(resolved) };
    return members === undefined ? all : subset(all, members);
  }
  const resolved = labels.resolve(list, { wanted: options.classes, own, members });
  const repeated = repeatedImages(list, { files, labels, resolved, parts });
  const said = [...notes, ...samples.notes, ...repeated, ...classNotes(resolved, options.classes)];
  if (info.isDirectory()) said.push(...(await otherLists(path, list)));
  const all = fileDataset(files, resolved, { notes: said });
  return members === undefined ? all : subset(all, members);
}

/** A sentence on other lists in the same folder. */
async function otherLists(folder: string, used: string): Promise<string[]> {
  const others = (await filesNamed(folder, ownList)).filter((name) => join(folder, name) !== used);
  if (others.length === 0) return [];
  return [`The list used is "${used}", not ${listed(others)}; name the other to use it.`];
}

interface Samples {
  readonly files: FileList;
  readonly labels: LabelColumn | SeveralLabels;
  /** Samples by their value in the column of parts. */
  readonly parts: ReadonlyMap<string, Uint32Column>;
  readonly notes: readonly string[];
}

async function readSamples(
  list: string,
  table: ListTable,
  columns: ListColumns,
  found: ListedFiles,
  choices: Choices,
): Promise<Samples> {
  const files = new FileList(dirname(list));
  const several = holdsSeveral(choices.separator, table.head[columns.hasHeader ? 1 : 0], columns);
  const labels = several ? new SeveralLabels(list, columns, choices.separator) : new LabelChoice(list, columns);
  const parts = new Map<string, Uint32Column>();
  /** Folders of the images as listed, if the list does not state their parts otherwise. */
  const folders = new Set<string>();
  const check = rowCheck(list, columns);
  let header = columns.hasHeader;
  let comments = 0;
  for await (const row of table.rows(() => comments++)) {
    if (header) {
      header = false;
      continue;
    }
    check(row, files.length + 1);
    const said = cell(row, columns.path);
    if (said === undefined)
      throw new FileError(list, `Sample ${files.length + 1} of "${list}" has no path; each needs one.`);
    if (hasControls(said))
      throw new FileError(list, `"${list}" names the file ${quoted(said)}, which holds control characters.`);
    if (files.length === 0) await found.begin(said);
    if (columns.split === undefined)
      folders.add(said.slice(0, Math.max(said.lastIndexOf("/"), said.lastIndexOf("\\"), 0)));
    const part = columns.split === undefined ? "" : (cell(row, columns.split) ?? "");
    const members = parts.get(part) ?? new Uint32Column();
    parts.set(part, members);
    members.push(files.length);
    files.add(await found.pathOf(said));
    labels.push(row, files.length);
  }
  if (choices.split === undefined) requireOnePart(list, [...folders]);
  const notes = [...columns.notes, ...found.notes(files.length > 0 ? files.relative(0) : undefined)];
  if (comments > 0)
    notes.push(
      `${comments.toLocaleString("en")} ${comments === 1 ? "line" : "lines"} of "${list}" ${comments === 1 ? "begins" : "begin"} with # and ${comments === 1 ? "is" : "are"} skipped as ${comments === 1 ? "a comment" : "comments"}.`,
    );
  return {
    files,
    labels: labels instanceof SeveralLabels ? labels : labels.chosen(),
    parts: columns.split === undefined ? new Map() : parts,
    notes,
  };
}

/** Throws if a list without a column of parts names images in the folders of several parts. */
function requireOnePart(list: string, folders: readonly string[]): void {
  const naming = partNaming();
  const ofPart = new Map<string, string>();
  for (const folder of folders) {
    const inner = folder
      .split(/[\\/]/)
      .findLast((name) => naming(name) !== undefined && naming(name) !== "aside" && isPlainPartName(name));
    if (inner !== undefined) ofPart.set(String(naming(inner)), inner);
  }
  if (ofPart.size < 2) return;
  throw new FileError(
    list,
    `"${list}" names images in folders of several parts (${listed([...ofPart.values()])}), but has no column that says which part a sample is of. Add one called split, or take all for training with list,split=none:${list}.`,
  );
}

/** Throws if a row has more cells than there are columns, repeats the header, or its used cells are not UTF-8. */
function rowCheck(list: string, { path, labels, split, names, hasHeader }: ListColumns) {
  const read = [path, ...labels, ...(split === undefined ? [] : [split])];
  const isForeign = (value: unknown) => typeof value === "string" && value.includes("\ufffd");
  return (row: Cells, number: number): void => {
    if (hasHeader && row[path] === names[path] && labels.every((i) => row[i] === names[i]))
      throw new FileError(list, `Sample ${number} of "${list}" repeats its header; remove that line.`);
    for (let i = names.length; i < row.length; i++)
      if (row[i] !== "")
        throw new FileError(
          list,
          `Sample ${number} of "${list}" has more cells than the ${names.length} columns ${listed(names)}: ${quoted(String(row[i]))} is beyond them; write a cell that contains a comma between double quotes.`,
        );
    for (const column of read)
      if (isForeign(row[column]))
        throw new FileError(
          list,
          `Sample ${number} of "${list}" has letters that are not UTF-8 in the column ${quoted(names[column])}; save the list as UTF-8.`,
        );
  };
}

function cell(row: Cells, column: number): string | undefined {
  const value = row[column];
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * The column of labels; if there are several candidates, they must agree on every sample, as a name and its number do.
 */
class LabelChoice {
  readonly #columns: readonly { readonly at: number; readonly labels: LabelColumn; numbers: boolean }[];
  readonly #pairs: readonly Map<string, string>[];

  constructor(
    readonly list: string,
    readonly columns: ListColumns,
  ) {
    this.#columns = columns.labels.map((at) => ({ at, labels: new LabelColumn(), numbers: true }));
    this.#pairs = columns.labels.flatMap(() => [new Map<string, string>(), new Map<string, string>()]);
  }

  push(row: Cells): void {
    if (this.#columns.length === 0) throw this.#lacking();
    const values = this.#columns.map(({ at }) => cell(row, at));
    for (const [i, column] of this.#columns.entries()) {
      column.labels.push(values[i]);
      column.numbers &&= values[i] === undefined || /^\d+$/.test(values[i]);
      if (i > 0) this.#compare(i, values[0] ?? "", values[i] ?? "");
    }
  }

  #compare(i: number, a: string, b: string): void {
    const [forth, back] = this.#pairs.slice(2 * i);
    if ((forth.get(a) ?? b) === b && (back.get(b) ?? a) === a) {
      forth.set(a, b);
      back.set(b, a);
      return;
    }
    const names = this.columns.labels.map((at) => this.columns.names[at]);
    throw new FileError(
      this.list,
      `"${this.list}" has several columns that may hold the classes: ${listed(names)}. Say which before the path: list,label=${names[0]}:${this.list}.`,
    );
  }

  chosen(): LabelColumn {
    return (this.#columns.find(({ numbers }) => !numbers) ?? this.#columns[0])?.labels ?? new LabelColumn();
  }

  #lacking(): UnlabelledPartError {
    return new UnlabelledPartError(
      this.list,
      `"${this.list}" has no column of classes beside ${listed(this.columns.names)}; add one called label.`,
    );
  }
}

/** The samples of the requested part; undefined for all. Every value must denote a part. */
function membersOf(
  list: string,
  values: ReadonlyMap<string, Uint32Column>,
  { split, choices }: OpenOptions,
): { readonly members?: Uint32Array; readonly notes: readonly string[] } {
  if (values.size === 0) return { notes: [] };
  const naming = partNaming(choices);
  const unknown = [...values.keys()].filter((value) => naming(value) === undefined);
  if (unknown.length > 0)
    throw new FileError(
      list,
      `"${list}" divides its samples by words that are not known: ${listed(unknown)}. Write train, validation or test, say which is which before the path, as list,train=${unknown[0] || "NAME"},test=NAME:${list}, or skip the column with list,split=none:${list}.`,
    );
  const of = (part: PartName | "aside") => [...values].filter(([value]) => naming(value) === part);
  const there = partNames.filter((part) => of(part).length > 0);
  const rows = of(split).flatMap(([, members]) => [...members.toArray()]);
  if (rows.length === 0) throw noPart(list, there, split);
  const aside = of("aside").reduce((sum, [, members]) => sum + members.length, 0);
  const left = `${aside.toLocaleString("en")} samples of "${list}" are marked as without labels, and left out.`;
  return { members: Uint32Array.from(rows).sort(), notes: aside > 0 ? [left] : [] };
}
