/**
 * Memory for intermediate pixels of a view. New memory for each view costs worker threads a third of their time in
 * garbage collection; inside `reusingPixels` the memory of the previous view is reused.
 */

/** The memory of one thread, in the order in which a view requests it. */
class PixelMemory {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #used = 0;

  next(bytes: number): Uint8Array<ArrayBuffer> {
    const at = this.#used++;
    const known = this.#pieces[at];
    const piece = known !== undefined && known.length >= bytes ? known : new Uint8Array(bytes);
    this.#pieces[at] = piece;
    return piece.subarray(0, bytes);
  }

  release(): void {
    this.#used = 0;
  }
}

const memory = new PixelMemory();
let reusing = false;

/**
 * Runs `work`, which must be synchronous, and reclaims all memory that it used: `work` must copy what is to be kept.
 */
export function reusingPixels(work: () => void): void {
  reusing = true;
  try {
    work();
  } finally {
    reusing = false;
    memory.release();
  }
}

/** Uninitialised memory. */
export const pixelMemory = (bytes: number): Uint8Array<ArrayBuffer> =>
  reusing ? memory.next(bytes) : new Uint8Array(bytes);

/** A copy of `bytes`. */
export function copyOfPixels(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = pixelMemory(bytes.length);
  copy.set(bytes);
  return copy;
}
