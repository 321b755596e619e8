/**
 * Extracts the images of a Parquet file into one file, row group by row group. A Parquet file stores its rows in pages
 * that must be decoded whole; training reads in random order, so they are unpacked once. Runs in a guarded thread.
 */
import { isUtf8 } from "node:buffer";
import { open } from "node:fs/promises";
import type { AsyncBuffer, ColumnMetaData, Compressors, FileMetaData, RowGroup, SchemaTree } from "hyparquet";
import { parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { compressors } from "hyparquet-compressors";
import { quoted } from "../../../errors/quoted.js";
import { type ByteSource, fileSource } from "../../../formats/byte-source.js";
import { openRegular } from "../../../system/files/regular-file.js";
import { asObject, tryJson } from "../../../system/text/json.js";
import { isPartColumn } from "../../dataset/parts.js";

export interface ParquetJob {
  readonly path: string;
  /** File that the images are written to, one after the other. */
  readonly target: string;
  /** Columns of the images and the labels (default: as stated in the file). */
  readonly image?: string;
  readonly label?: string;
}

export interface UnpackedParquet {
  /** Class names, if the file states them like the datasets library. */
  readonly classes?: readonly string[];
  /** Null for rows without a label. */
  readonly labels: readonly (string | null)[];
  /** A column with the part of each row. */
  readonly parts?: string;
  /** Sentences, without the file's name, on what was chosen. */
  readonly notes: readonly string[];
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
}

/** What became of a file; reasons complete "the file …". */
export type ParquetResult =
  | { readonly kind: "unpacked"; readonly unpacked: UnpackedParquet }
  /** It has no labels at all. */
  | { readonly kind: "unlabelled"; readonly reason: string }
  /** It is intact, but its contents are not images with one class each. */
  | { readonly kind: "refused"; readonly reason: string };

/** Why the contents of an intact file are refused; every other error means damage. */
class Refusal extends Error {}

/**
 * Limits: bytes of a page, rows of a row group, bytes of the footer, and unpacked bytes, at least and per byte of the
 * file, since images hardly compress.
 */
const limits = { pageBytes: 2 ** 30, rows: 2 ** 20, footerBytes: 2 ** 27, always: 2 ** 28, times: 64 };

/** Throws an error whose message completes "the file …" for a damaged one. */
export async function unpackParquet(job: ParquetJob, progress: (bytes: number) => void): Promise<ParquetResult> {
  return unpack(job, progress).catch((error: unknown) => {
    if (error instanceof Refusal) return { kind: "refused", reason: error.message };
    // The decoder's own checks are few: it fails on values that it expects to be there.
    if (error instanceof TypeError || error instanceof RangeError)
      throw new Error("cannot be decoded", { cause: error });
    throw error;
  });
}

async function unpack(
  { path, target, ...chosen }: ParquetJob,
  progress: (bytes: number) => void,
): Promise<ParquetResult> {
  const file = await openRegular(path);
  const out = await open(target, "w");
  try {
    const source = await fileSource(path, file);
    const buffer = asyncBuffer(source);
    await checkFooter(source);
    const metadata = await parquetMetadataAsync(buffer);
    const { image, label, parts, classes, notes, unlabelled } = columnsOf(metadata, chosen);
    const decoded = workOf(source.size, progress);
    const read = { file: buffer, metadata, compressors: guardedCompressors(decoded), utf8: false };
    const labelIn = (sample: Record<string, unknown>) =>
      label === undefined ? null : labelOf(sample[label], label, classes !== undefined);
    if (metadata.row_groups.every(({ num_rows }) => Number(num_rows) === 0)) throw new Refusal("holds no rows");
    const rowsOf = async (columns: readonly string[], { columns: all, num_rows }: RowGroup, first: number) => {
      const rows = Number(num_rows);
      if (!(rows >= 0 && rows <= limits.rows))
        throw new Error(`has a group of ${rows} rows, above the limit of ${limits.rows}`);
      for (const { meta_data } of all)
        if (meta_data && columns.includes(meta_data.path_in_schema[0])) await checkPages(source, meta_data, rows);
      return parquetReadObjects({ ...read, columns: [...columns], rowStart: first, rowEnd: first + rows });
    };
    // A part without labels is useless; this is detected before all its images are unpacked.
    let seen = 0;
    let labelled = false;
    for (const group of label === undefined ? [] : metadata.row_groups) {
      labelled = (await rowsOf([label!], group, seen)).some((sample) => labelIn(sample) !== null);
      if (labelled) break;
      seen += Number(group.num_rows);
    }
    if (!labelled && metadata.row_groups.length > 0)
      return { kind: "unlabelled", reason: unlabelled ?? `has no labels in its column ${label}` };
    const labels: (string | null)[] = [];
    const offsets: number[] = [];
    const lengths: number[] = [];
    let at = 0;
    let row = 0;
    for (const group of metadata.row_groups) {
      const found = await rowsOf(label === undefined ? [image] : [image, label], group, row);
      for (const [i, sample] of found.entries()) {
        const bytes = imageBytes(sample[image]);
        if (!bytes) throw notAnImage(sample[image], image, row + i);
        decoded(bytes.length);
        await out.write(bytes);
        labels.push(labelIn(sample));
        offsets.push(at);
        lengths.push(bytes.length);
        at += bytes.length;
      }
      row += found.length;
    }
    if (labels.length === 0) throw new Refusal("holds no rows");
    await out.sync();
    return { kind: "unpacked", unpacked: { classes, labels, parts, notes, offsets, lengths } };
  } finally {
    await file.close();
    await out.close();
  }
}

function asyncBuffer(source: ByteSource): AsyncBuffer {
  return {
    byteLength: source.size,
    async slice(start, end = source.size) {
      const from = start < 0 ? source.size + start : start;
      const to = end < 0 ? source.size + end : end;
      if (!(from >= 0 && to <= source.size && from <= to)) throw new Error("refers to bytes that it does not have");
      return new Uint8Array(await source.read(from, to - from)).buffer;
    },
  };
}

/** The last bytes are the footer's length and the format's magic number. */
async function checkFooter(source: ByteSource): Promise<void> {
  if (source.size < 12) throw new Error("is too short to be one");
  const tail = await source.read(source.size - 8, 8);
  if (tail.toString("latin1", 4) !== "PAR1") throw new Error("does not end as one (it may be cut short)");
  const length = tail.readUInt32LE(0);
  if (length > limits.footerBytes || length + 12 > source.size)
    throw new Error("has a footer that is longer than itself");
}

interface Columns {
  readonly image: string;
  /** Undefined in a part without labels. */
  readonly label?: string;
  readonly parts?: string;
  readonly classes?: readonly string[];
  readonly notes: readonly string[];
  readonly unlabelled?: string;
}

const usualNames = {
  image: /^(image|img|picture|photo|jpg|jpeg|png|webp)$/i,
  label: /^(fine_label|label|labels|class|category|target|cls)$/i,
};

/**
 * Columns with these names are the labels, whatever other columns of classes there are; in CIFAR-100 the fine one is
 * second.
 */
const plainLabel = /^(label|labels|fine_label)$/i;

/** Which columns hold the images and the labels: as chosen, as recorded by the datasets library, or by their names. */
function columnsOf(metadata: FileMetaData, chosen: Pick<ParquetJob, "image" | "label">): Columns {
  const { children } = parquetSchema(metadata);
  const names = children.map((c) => c.element.name);
  const features = featuresOf(metadata);
  const candidates = (type: string, usual: RegExp) => {
    const typed = names.filter((name) => features[name]?._type === type);
    return typed.length > 0 ? typed : names.filter((name) => usual.test(name));
  };
  const pick = (key: "image" | "label", found: readonly string[]): string | undefined => {
    const wanted = chosen[key];
    if (wanted !== undefined && !names.includes(wanted))
      throw new Refusal(
        `does not tell which column is meant by ${key}=${wanted}: its columns are ${names.slice(0, 20).join(", ")}`,
      );
    if (wanted !== undefined || found.length < 2) return wanted ?? found[0];
    const plain = key === "label" ? found.filter((name) => plainLabel.test(name)) : [];
    if (plain.length === 1) return plain[0];
    throw new Refusal(
      `does not tell which of its columns holds the ${key}s: ${found.join(", ")}; say it before the path, as parquet,${key}=${found[0]}:PATH`,
    );
  };
  const found = candidates("ClassLabel", usualNames.label);
  const image = pick("image", candidates("Image", usualNames.image));
  const label = pick("label", found);
  const kindOf = (name: string) => nesting(children.find((c) => c.element.name === name));
  if (label !== undefined && kindOf(label) !== "plain") throw notOneLabel(label, kindOf(label));
  if (image === undefined)
    throw new Refusal(
      `has no column of images (its columns are ${names.slice(0, 20).join(", ")}; parquet,image=NAME:PATH names one)`,
    );
  if (kindOf(image) === "lists")
    throw new Refusal(`holds lists in its column ${image}, and one encoded image for each row is wanted`);
  const classes = label === undefined ? undefined : features[label]?.names;
  const named = Array.isArray(classes) && classes.every((n) => typeof n === "string");
  const unlabelled = `has no column of labels (its columns are ${names.slice(0, 20).join(", ")}; parquet,label=NAME:PATH names one)`;
  const others = found.filter((name) => name !== label);
  const note = `has several columns of classes; "${label}" is used, not ${others.join(", ")} (parquet,label=NAME:PATH uses another).`;
  return {
    image,
    label,
    parts: names.find((name) => name !== label && name !== image && isPartColumn(name)),
    classes: named ? (classes as string[]) : undefined,
    unlabelled: label === undefined ? unlabelled : undefined,
    notes: others.length > 0 && chosen.label === undefined ? [note] : [],
  };
}

type Features = Readonly<Record<string, { readonly _type?: unknown; readonly names?: unknown } | undefined>>;

function featuresOf(metadata: FileMetaData): Features {
  const text = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  return (asObject(asObject(asObject(tryJson(text))?.info)?.features) ?? {}) as Features;
}

/** Checks that the pages of a column match its metadata, since decoding trusts their headers. */
async function checkPages(source: ByteSource, column: ColumnMetaData, rows: number): Promise<void> {
  const name = column.path_in_schema.join(".");
  const start = Number(column.dictionary_page_offset ?? column.data_page_offset);
  const length = Number(column.total_compressed_size);
  if (!(start >= 0 && length >= 0 && start + length <= source.size))
    throw new Error(`places the column ${name} beyond its end`);
  const bytes = await source.read(start, length);
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
  let values = 0;
  while (values < rows && reader.offset < length - 1) {
    const before = reader.offset;
    const { compressed_page_size: packed, uncompressed_page_size: unpacked, ...page } = parquetHeader(reader);
    const header = page.data_page_header ?? page.data_page_header_v2 ?? page.dictionary_page_header;
    const count = header?.num_values ?? 0;
    const sound = [packed, unpacked, count].every((n) => Number.isInteger(n) && n >= 0);
    if (!sound || reader.offset <= before || unpacked > limits.pageBytes || packed > length - reader.offset)
      throw new Error(`has a damaged page in the column ${name}`);
    if (page.type !== "DICTIONARY_PAGE") values += count;
    if (values > rows || count > limits.rows) throw new Error(`has more values than rows in the column ${name}`);
    reader.offset += packed;
  }
}

/** Counts the bytes unpacked from a file; throws if they exceed what it can contain. */
function workOf(size: number, progress: (bytes: number) => void): (bytes: number) => void {
  let [done, told] = [0, 0];
  return (bytes) => {
    done += bytes + 1024; // an empty piece is work too
    if (done > Math.max(limits.always, limits.times * size)) throw new Error("unpacks to far more than its size");
    if (done < told + 2 ** 20) return;
    told = done;
    progress(done);
  };
}

/** Decompressors that are limited to the size of a page, and report their output. */
const guardedCompressors = (decoded: (bytes: number) => void): Compressors =>
  Object.fromEntries(
    Object.entries(compressors).map(([codec, unpack]) => [
      codec,
      (input: Uint8Array, length: number) => {
        if (length > limits.pageBytes) throw new Error("has a page that is too large");
        decoded(length);
        return unpack(input, length);
      },
    ]),
  );

type Nesting = "plain" | "lists" | "records";

/** The values of a column: in Parquet, lists are groups with one repeated member. */
function nesting(column: SchemaTree | undefined): Nesting {
  if (!column || column.children.length === 0) return "plain";
  return column.children.some(({ element }) => element.repetition_type === "REPEATED") ? "lists" : "records";
}

/** The bytes of an image: raw, or in a structure as stored by the datasets library. */
function imageBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  const bytes = (value as { bytes?: unknown } | null | undefined)?.bytes;
  return bytes instanceof Uint8Array ? bytes : undefined;
}

function notAnImage(value: unknown, column: string, row: number): Error {
  if (value === undefined) return new Error(`has no image bytes in row ${row}`);
  const path = typeof value === "string" ? value : (value as { path?: unknown } | null | undefined)?.path;
  return typeof path === "string"
    ? new Refusal(
        `has no image in row ${row}, only the name of a file (${quoted(path)}); write a list of the files and their classes, as described for CSV files, or a Parquet file with the images in it`,
      )
    : new Refusal(`has no encoded image in its column ${column} in row ${row}; remove the row, or add its image`);
}

/** Null if there is none, which the datasets library writes as -1 among named classes. */
function labelOf(value: unknown, column: string, named: boolean): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) {
    if (!isUtf8(value)) throw new Refusal(`does not tell which classes its column ${column} names: they are not UTF-8`);
    return Buffer.from(value).toString("utf8");
  }
  if (typeof value === "number" || typeof value === "bigint")
    return named && Number(value) === -1 ? null : String(value);
  if (typeof value === "string" || typeof value === "boolean") return String(value);
  if (value instanceof Date) throw new Refusal(`has dates in its column ${column}, and classes are wanted${others}`);
  throw notOneLabel(column, Array.isArray(value) ? "lists" : "records");
}

const others = " (parquet,label=NAME:PATH takes another column)";

const notOneLabel = (column: string, kind: Nesting): Refusal =>
  new Refusal(
    `does not tell which class an image is of: its column ${column} holds ${kind === "lists" ? "several labels" : "a record"} for each image, and one class is wanted${others}`,
  );
