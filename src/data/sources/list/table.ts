/** A list of samples as a table: names of columns and rows of cells, from either CSV or JSON lines. */
import { CsvError, parse } from "csv-parse";
import { FileError } from "../../../errors/errors.js";
import { fileError } from "../../../errors/file-error.js";
import { linesOf } from "../../../system/files/lines.js";
import { streamRegular } from "../../../system/files/regular-file.js";
import { asObject, tryJson } from "../../../system/text/json.js";

export type Cells = readonly unknown[];

export interface ListTable {
  /** Its first rows, including a CSV file's header, if it has one. */
  readonly head: readonly Cells[];
  /** Keys of the objects; undefined for CSV, where the first row may contain the names. */
  readonly names?: readonly string[];
  /** All rows, including the first; `onComment` is called for each comment line of a CSV file. */
  rows(onComment?: () => void): AsyncGenerator<Cells, void>;
}

/** Maximum length of a line. */
const longestLine = 1 << 20;
/** Rows that are examined to identify the columns. */
const headRows = 20;

export const isCsv = (path: string): boolean => /\.(csv|tsv)$/i.test(path);

/** Opens the list and reads its first rows. In CSV a line that begins with # is a comment unless a cell of it `isThere`. */
export async function openTable(path: string, isThere: (cell: unknown) => Promise<boolean>): Promise<ListTable> {
  if (isCsv(path)) {
    const form = await formOf(path);
    const rows = (onComment = () => {}) => withoutComments(csvRows(path, form), isThere, onComment);
    return { head: await firstOf(rows()), rows };
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

async function* withoutComments(
  rows: AsyncGenerator<Cells, void>,
  isThere: (cell: unknown) => Promise<boolean>,
  onComment: () => void,
): AsyncGenerator<Cells, void> {
  for await (const row of rows) {
    const marked = String(row[0] ?? "").startsWith("#");
    if (marked && !(await anyOf(row, isThere))) onComment();
    else yield row;
  }
}

async function anyOf(cells: Cells, is: (cell: unknown) => Promise<boolean>): Promise<boolean> {
  for (const cell of cells) if (await is(cell)) return true;
  return false;
}

/** How a CSV file is written. */
interface CsvForm {
  readonly delimiter: string;
  /** The first line that is a row, counted from 1. */
  readonly from: number;
}

async function* csvRows(path: string, { delimiter, from }: CsvForm): AsyncGenerator<Cells, void> {
  const parser = parse({
    bom: true,
    delimiter,
    from_line: from,
    max_record_size: longestLine,
    // Any of them, also where several programs have written to one file; by itself the parser knows the first alone.
    record_delimiter: ["\r\n", "\n", "\r"],
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
 * The delimiter: the one stated by a first line such as "sep=;", as in Excel; else that of the file's extension, unless
 * the first line contains only a different one.
 */
async function formOf(path: string): Promise<CsvForm> {
  const usual = /\.tsv$/i.test(path) ? "\t" : ",";
  let first = "";
  try {
    for await (const line of linesOf(path, longestLine)) {
      const said = /^\ufeff?"?sep=(.)"?\s*$/i.exec(line);
      if (said) return { delimiter: said[1], from: 2 };
      if (line.startsWith("#")) continue;
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
