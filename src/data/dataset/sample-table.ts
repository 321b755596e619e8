/** A memory-efficient table of samples inside larger files: offset, length and name of each. */
import { NameColumn, Uint32Column } from "./columns.js";
import type { Dataset, SampleSource } from "./dataset.js";
import type { Labelled } from "./labels.js";

export class SampleTable {
  readonly #files: { readonly path: string; readonly name: string }[] = [];
  readonly #fileOf = new Uint32Column();
  /** Offsets are stored in two columns, since archives may be larger than 4 GiB. */
  readonly #offsetLow = new Uint32Column();
  readonly #offsetHigh = new Uint32Column();
  readonly #lengths = new Uint32Column();
  readonly #keys = new NameColumn();

  get length(): number {
    return this.#keys.length;
  }

  /** Starts a new file, with its name for messages; samples are added to the last one. */
  addFile(path: string, name = path): void {
    this.#files.push({ path, name });
  }

  add(key: string, offset: number, length: number): void {
    this.#fileOf.push(this.#files.length - 1);
    this.#offsetLow.push(offset % 2 ** 32);
    this.#offsetHigh.push(Math.floor(offset / 2 ** 32));
    this.#lengths.push(length);
    this.#keys.push(key);
  }

  key(i: number): string {
    return this.#keys.at(i);
  }

  file(i: number): string {
    return this.#files[this.#fileOf.at(i)].path;
  }

  /** Name of a sample's file. */
  fileName(i: number): string {
    return this.#files[this.#fileOf.at(i)].name;
  }

  /** A sample's name for messages. */
  describe(i: number): string {
    return `${this.fileName(i)}:${this.key(i)}`;
  }

  offset(i: number): number {
    return this.#offsetHigh.at(i) * 2 ** 32 + this.#offsetLow.at(i);
  }

  bytes(i: number): number {
    return this.#lengths.at(i);
  }
}

/** The dataset of a table's samples, each an encoded image. */
export function tableDataset(
  name: string,
  table: SampleTable,
  { classes, labels, distinct }: Labelled,
  source: (i: number) => SampleSource = (i) => sliceOf(table, i),
): Dataset {
  return {
    name,
    classes,
    length: table.length,
    label: (i) => labels.at(i),
    source,
    describe: (i) => table.describe(i),
    key: (i) => table.key(i),
    distinct,
  };
}

function sliceOf(table: SampleTable, i: number): SampleSource {
  const [path, offset, length] = [table.file(i), table.offset(i), table.bytes(i)];
  return { kind: "slice", path, offset, length, name: table.describe(i) };
}
