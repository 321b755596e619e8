/** The index of a record file: position and properties of each record, in columns. Used in the file's layout. */
import { z } from "zod";
import { parseJson } from "../../system/text/json.js";
import { NameColumn, Uint32Column } from "../dataset/columns.js";
import type { Size } from "../pixels/image.js";
import { damaged, recordHeadBytes } from "./layout.js";

const aboutSchema = z.object({
  name: z.string(),
  classes: z.array(z.string()),
  parts: z.array(z.object({ name: z.string(), samples: z.number().int().min(1) })).min(1),
});

/** Properties of the whole file. Parts follow each other. */
export type About = Readonly<z.infer<typeof aboutSchema>>;

export interface IndexEntry extends Size {
  readonly key: string;
  /** Offset of the content. */
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
  readonly label: number;
}

/** Columns of 32-bit numbers, in file order; `ends` are the end offsets of the keys in their bytes. */
const columnNames = ["lengths", "widths", "heights", "checksums", "labels", "ends"] as const;
type ColumnName = (typeof columnNames)[number];

/** Collects entries and encodes them. */
export class IndexBuilder {
  readonly #low = new Uint32Column();
  readonly #high = new Uint32Column();
  readonly #columns = Object.fromEntries(columnNames.map((name) => [name, new Uint32Column()])) as Record<
    ColumnName,
    Uint32Column
  >;
  readonly #keys = new NameColumn();
  #end = 0;

  get length(): number {
    return this.#keys.length;
  }

  add(entry: IndexEntry): void {
    this.#low.push(entry.offset % 2 ** 32);
    this.#high.push(Math.floor(entry.offset / 2 ** 32));
    this.#end += Buffer.byteLength(entry.key);
    const { lengths, widths, heights, checksums, labels, ends } = this.#columns;
    lengths.push(entry.length);
    widths.push(entry.width);
    heights.push(entry.height);
    checksums.push(entry.checksum);
    labels.push(entry.label);
    ends.push(this.#end);
    this.#keys.push(entry.key);
  }

  encode(about: {
    readonly name: string;
    readonly classes: readonly string[];
    readonly parts: About["parts"];
  }): Buffer {
    const text = Buffer.from(JSON.stringify(about));
    const n = this.length;
    const out = Buffer.alloc(8 + text.length + n * (8 + 4 * columnNames.length) + this.#end);
    out.writeUInt32LE(n, 0);
    out.writeUInt32LE(text.length, 4);
    let at = 8 + text.copy(out, 8);
    for (let i = 0; i < n; i++, at += 8) {
      out.writeUInt32LE(this.#low.at(i), at);
      out.writeUInt32LE(this.#high.at(i), at + 4);
    }
    for (const name of columnNames)
      for (let i = 0; i < n; i++, at += 4) out.writeUInt32LE(this.#columns[name].at(i), at);
    for (const key of this.#keys) at += out.write(key, at);
    return out;
  }
}

/** A validated index: every record is before it in the file, with a valid class label. */
export class RecordIndex {
  readonly about: About;
  readonly length: number;
  readonly #bytes: Buffer;
  readonly #columns: number;
  readonly #keys: number;

  /** `bytes` begin at `position` of the file `path`; `raw` says whether its records are raw pixels. */
  constructor(path: string, bytes: Buffer, position: number, raw: boolean) {
    if (bytes.length < 8) throw damaged(path, "its index");
    this.length = bytes.readUInt32LE(0);
    const textEnd = 8 + bytes.readUInt32LE(4);
    this.#bytes = bytes;
    this.#columns = textEnd;
    this.#keys = textEnd + this.length * (8 + 4 * columnNames.length);
    if (this.#keys > bytes.length) throw damaged(path, "its index");
    try {
      this.about = aboutSchema.parse(parseJson(bytes.toString("utf8", 8, textEnd)));
    } catch (cause) {
      throw damaged(path, "its index", cause);
    }
    const samples = this.about.parts.reduce((sum, part) => sum + part.samples, 0);
    if (samples !== this.length || !this.#holds(position, raw)) throw damaged(path, "its index");
  }

  #holds(position: number, raw: boolean): boolean {
    let end = 0;
    for (let i = 0; i < this.length; i++) {
      const { offset, length, width, height } = this.at(i);
      if (offset < recordHeadBytes || offset + length > position) return false;
      if (width === 0 || height === 0 || length === 0 || (raw && length !== width * height * 3)) return false;
      if (this.label(i) >= this.about.classes.length || this.#number("ends", i) < end) return false;
      end = this.#number("ends", i);
    }
    return this.#keys + end === this.#bytes.length;
  }

  /** Position, size and checksum of a record's content. */
  at(i: number): Omit<IndexEntry, "key" | "label"> {
    const at = this.#columns + 8 * i;
    return {
      offset: this.#bytes.readUInt32LE(at) + this.#bytes.readUInt32LE(at + 4) * 2 ** 32,
      length: this.#number("lengths", i),
      width: this.#number("widths", i),
      height: this.#number("heights", i),
      checksum: this.#number("checksums", i),
    };
  }

  label(i: number): number {
    return this.#number("labels", i);
  }

  key(i: number): string {
    const start = i === 0 ? 0 : this.#number("ends", i - 1);
    return this.#bytes.toString("utf8", this.#keys + start, this.#keys + this.#number("ends", i));
  }

  #number(column: ColumnName, i: number): number {
    const before = this.#columns + 8 * this.length + 4 * this.length * columnNames.indexOf(column);
    return this.#bytes.readUInt32LE(before + 4 * i);
  }
}
