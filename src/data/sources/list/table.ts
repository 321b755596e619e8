/** A list of samples as a table: names of columns and rows of cells, whether it is written as CSV or as JSON lines. */
import { CsvError, parse } from "csv-parse";
import { FileError } from "../../../errors/errors.js";
import { fileError } from "../../../errors/file-error.js";
import { linesOf } from "../../../system/files/lines.js";
import { streamRegular } from "../../../system/files/regular-file.js";
import { asObject, tryJson } from "../../../system/text/json.js";

export type Cells = readonly unknown[];

export interface ListTable {
  /** Its first rows; a CSV file's header, if it has one, among them. */
  readonly head: readonly Cells[];
  /** Keys of the objects; undefined for CSV, where the first row may hold the names. */
  readonly names?: readonly string[];
  /** All rows, from the first one on. */
  rows(): AsyncGenerator<Cells, void>;
}

/** Longest line that is believed. */
const longestLine = 1 << 20;
/** Rows that are looked at to find out what the columns are. */
const headRows = 20;

export const isCsv = (path: string): boolean => /\.(csv|tsv)$/i.test(path);

/** Opens the list and reads its first rows. */
export async function openTable(path: string): Promise<ListTable> {
  if (isCsv(path)) {
    const form = await formOf(path);
    return { head: await firstOf(csvRows(path, form)), rows: () => csvRows(path, form) };
  }
  const first = await firstOf(jsonRows(path));
  const names = [...new Set(first.flatMap((row) => Object.keys(row)))];
  const cells = (row: Readonly<Record<string, unknown>>): Cells => names.map((name) => row[name]);
  return {
    names,
    head: first.map(cells),
    async *rows() {
      for await (const row of jsonRows(path)) yield cells(row);
    },
  };
}

async function firstOf<T>(rows: AsyncGenerator<T, void>): Promise<T[]> {
  const first: T[] = [];
  for await (const row of rows) if (first.push(row) === headRows) break;
  return first;
}

/** How a CSV file is written. */
interface CsvForm {
  readonly delimiter: string;
  /** The first line that is a row, from 1 on. */
  readonly from: number;
}

async function* csvRows(path: string, { delimiter, from }: CsvForm): AsyncGenerator<Cells, void> {
  const parser = parse({
    bom: true,
    delimiter,
    from_line: from,
    max_record_size: longestLine,
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
  });
  const input = await streamRegular(path).catch((error) => {
    throw fileError(path, "read the list", error);
  });
  input.on("error", (error) => parser.destroy(error));
  input.pipe(parser);
  try {
    for await (const cells of parser as AsyncIterable<string[]>) yield cells;
  } catch (error) {
    if (!(error instanceof CsvError)) throw fileError(path, "read the list", error);
    throw new FileError(path, `"${path}" is no CSV file: ${error.message.split("\n")[0]}.`, { cause: error });
  } finally {
    input.destroy();
  }
}

/**
 * What stands between the cells: what a first line such as "sep=;" says, which Excel takes for that too; else the
 * ending's own, unless the first line has another and not that.
 */
async function formOf(path: string): Promise<CsvForm> {
  const usual = /\.tsv$/i.test(path) ? "\t" : ",";
  let first = "";
  try {
    for await (const line of linesOf(path, longestLine)) {
      const said = /^\ufeff?"?sep=(.)"?\s*$/i.exec(line);
      if (said) return { delimiter: said[1], from: 2 };
      first = line.replace(/"[^"]*"/g, "");
      if (first.trim() !== "") break;
    }
  } catch (error) {
    if (error instanceof FileError) throw error;
    throw fileError(path, "read the list", error);
  }
  const found = [usual, ";", "\t", ",", "|"].find((delimiter) => first.includes(delimiter));
  return { delimiter: found ?? usual, from: 1 };
}

async function* jsonRows(path: string): AsyncGenerator<Readonly<Record<string, unknown>>, void> {
  let number = 0;
  for await (const text of linesOf(path, longestLine)) {
    const line = number++ === 0 ? text.replace(/^\ufeff/, "") : text;
    if (line.trim() === "") continue;
    const row = asObject(tryJson(line));
    if (row === undefined)
      throw new FileError(path, `Line ${number} of "${path}" is no JSON object; write {"path": …, "label": …}.`);
    yield row;
  }
}
