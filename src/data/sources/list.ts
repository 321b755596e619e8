/** Lists of samples: CSV or JSON lines with a path, a label and, if there are parts, the part. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CsvError, parse } from "csv-parse";
import { FileError } from "../../errors.js";
import { fileError } from "../../system/atomic-file.js";
import { linesOf } from "../../system/lines.js";
import { hasControls, quoted } from "../../system/quoted.js";
import { Uint32Column } from "../columns.js";
import { type Dataset, type OpenOptions, subset } from "../dataset.js";
import { LabelColumn } from "../labels.js";
import { isPartName, noPart, partNames } from "../parts.js";
import { FileList, fileDataset, filesNamed, readOwnClasses } from "./files.js";

/** A list that stands in the folder it describes; the second name is that of the Hugging Face libraries. */
export const ownList = /^(samples|metadata)\.(csv|tsv|jsonl)$/;

export const isListFile = (name: string): boolean => /\.(csv|tsv|jsonl|ndjson)$/i.test(name);

/** Names of the columns, in the order of preference. A CSV file without such names has the columns in this order. */
const columns = {
  path: ["path", "file_name", "file", "filename", "image"],
  label: ["label", "class", "category"],
  split: ["split", "part", "set"],
} as const;

/** Longest line that is believed. */
const longestLine = 1 << 20;

type Row = Readonly<Record<string, unknown>>;

/** Opens a list, or the one of a folder. Paths are relative to the list; classes are those of all parts together. */
export async function openList(path: string, options: OpenOptions): Promise<Dataset> {
  const info = await stat(path).catch((error) => {
    throw fileError(path, "read the list", error);
  });
  const list = info.isDirectory() ? join(path, (await filesNamed(path, ownList))[0] ?? "samples.csv") : path;
  const files = new FileList(dirname(list));
  const labels = new LabelColumn();
  const parts = new Map<string, Uint32Column>();
  for await (const row of rowsOf(list)) {
    const [file, label, part = ""] = (["path", "label", "split"] as const).map((name) => cell(row, columns[name]));
    if (file === undefined || label === undefined) {
      const lack = file === undefined ? "path" : "label";
      throw new FileError(
        list,
        `Sample ${files.length + 1} of "${list}" has no ${lack}; each needs a path and a label (and a split, if there are parts).`,
      );
    }
    if (hasControls(file))
      throw new FileError(list, `"${list}" names the file ${quoted(file)}, which holds control characters.`);
    const members = parts.get(part) ?? new Uint32Column();
    parts.set(part, members);
    members.push(files.length);
    files.add(file);
    labels.push(label);
  }
  if (files.length === 0) throw new FileError(list, `"${list}" lists no samples.`);
  const own = await readOwnClasses(dirname(list));
  const all = fileDataset(files, labels.resolve(list, { wanted: options.classes, own }));
  const known = [...parts.keys()].filter(isPartName);
  if (known.length === 0) return all;
  const wanted = partNames[options.split].find((part) => parts.has(part));
  if (wanted === undefined) throw noPart(list, known, options.split);
  return subset(all, parts.get(wanted)!.toArray());
}

function cell(row: Row, names: readonly string[]): string | undefined {
  const value = names.map((name) => row[name]).find((v) => v !== undefined && v !== "");
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

function rowsOf(list: string): AsyncGenerator<Row, void> {
  return /\.(csv|tsv)$/i.test(list) ? csvRows(list) : jsonRows(list);
}

async function* csvRows(list: string): AsyncGenerator<Row, void> {
  const parser = parse({
    bom: true,
    delimiter: list.toLowerCase().endsWith(".tsv") ? "\t" : ",",
    max_record_size: longestLine,
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  });
  const input = createReadStream(list);
  input.on("error", (error) => parser.destroy(error));
  input.pipe(parser);
  let header: readonly string[] | undefined;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      if (header === undefined) {
        const named = cells.some((c) => (columns.path as readonly string[]).includes(c));
        header = named ? cells : Object.keys(columns);
        if (named) continue;
      }
      yield Object.fromEntries(header.map((name, i) => [name, cells[i]]));
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw fileError(list, "read the list", error);
    throw new FileError(list, `"${list}" is no CSV file: ${error.message.split("\n")[0]}.`, { cause: error });
  } finally {
    input.destroy();
  }
}

async function* jsonRows(list: string): AsyncGenerator<Row, void> {
  let number = 0;
  for await (const line of linesOf(list, longestLine)) {
    number++;
    if (line.trim() === "") continue;
    const row = parsed(line);
    if (row === undefined) {
      throw new FileError(list, `Line ${number} of "${list}" is no JSON object; write {"path": …, "label": …}.`);
    }
    yield row;
  }
}

function parsed(line: string): Row | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Row) : undefined;
  } catch {
    return undefined;
  }
}
