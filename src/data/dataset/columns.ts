/**
 * Memory-efficient columns of millions of values: numbers in typed arrays, names as consecutive UTF-8 bytes. A million
 * file names take some 30 MB this way, and ten times that as objects.
 */
import { isForeign, nameBytes, nameOf } from "../../system/files/raw-path.js";

/** Integers from 0 to 2³² - 1. */
export class Uint32Column {
  #values = new Uint32Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) this.#values = grown(this.#values, Uint32Array);
    this.#values[this.#length++] = value;
  }

  at(i: number): number {
    return this.#values[i];
  }

  /** The values, without spare capacity. */
  toArray(): Uint32Array {
    return this.#values.slice(0, this.#length);
  }
}

/** Strings; file names that are not UTF-8 keep their bytes. The total may be up to 4 GiB. */
export class NameColumn {
  #bytes = Buffer.alloc(1024);
  readonly #ends = new Uint32Column();

  static of(names: Iterable<string>): NameColumn {
    const column = new NameColumn();
    for (const name of names) column.push(name);
    return column;
  }

  get length(): number {
    return this.#ends.length;
  }

  push(name: string): void {
    const start = this.#start(this.length);
    // A UTF-16 unit becomes at most three bytes.
    while (start + 3 * name.length > this.#bytes.length)
      this.#bytes = Buffer.from(grown(this.#bytes, Uint8Array).buffer);
    this.#ends.push(
      start + (isForeign(name) ? nameBytes(name).copy(this.#bytes, start) : this.#bytes.write(name, start)),
    );
  }

  at(i: number): string {
    const [start, end] = [this.#start(i), this.#ends.at(i)];
    const text = this.#bytes.toString("utf8", start, end);
    return text.includes("\ufffd") ? nameOf(this.#bytes.subarray(start, end)) : text;
  }

  /** The order of two names by code points, as Python sorts them; JavaScript's own order is by UTF-16 units. */
  compare(a: number, b: number): number {
    const bytes = this.#bytes;
    return bytes.compare(bytes, this.#start(b), this.#ends.at(b), this.#start(a), this.#ends.at(a));
  }

  /** A number that is equal for equal names. */
  hash(i: number): number {
    let hash = 0x811c9dc5;
    for (let at = this.#start(i), end = this.#ends.at(i); at < end; at++)
      hash = Math.imul(hash ^ this.#bytes[at], 0x01000193);
    return hash >>> 0;
  }

  /** Indices of the names in code-point order. */
  order(): Uint32Array {
    const indices = Uint32Array.from({ length: this.length }, (_, i) => i);
    return indices.sort((a, b) => this.compare(a, b));
  }

  *[Symbol.iterator](): Generator<string, void> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  #start(i: number): number {
    return i === 0 ? 0 : this.#ends.at(i - 1);
  }
}

function grown<T extends Uint8Array | Uint32Array>(values: T, type: new (length: number) => T): T {
  const larger = new type(values.length * 2);
  larger.set(values);
  return larger;
}
