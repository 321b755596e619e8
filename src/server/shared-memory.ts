/** Memory that threads share, used again and again: fresh memory for every request would keep the collector busy. */

/** Bytes that are kept for later at most. */
const mostKept = 64 * 2 ** 20;

export class SharedMemory {
  /** Unused buffers by size, which is a power of two. */
  readonly #unused = new Map<number, SharedArrayBuffer[]>();
  #kept = 0;

  /** Bytes of any content; they belong to the caller until given back. */
  take(bytes: number): Uint8Array {
    const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, 4096)));
    const found = this.#unused.get(size)?.pop();
    if (found) this.#kept -= size;
    return new Uint8Array(found ?? new SharedArrayBuffer(size), 0, bytes);
  }

  /** Gives back what `take` returned, which nothing may use any more. */
  give({ buffer }: Uint8Array): void {
    const size = buffer.byteLength;
    if (!(buffer instanceof SharedArrayBuffer) || this.#kept + size > mostKept) return;
    const unused = this.#unused.get(size) ?? [];
    this.#unused.set(size, unused);
    unused.push(buffer);
    this.#kept += size;
  }
}
