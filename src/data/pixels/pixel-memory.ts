/**
 * Memory for the pixels of images on their way to a view. Fresh memory for each costs worker threads a third of their
 * time in garbage collection; inside `reusingPixels` it is that of the view before.
 */

/** The memory of one thread, in the order in which a view asks for it. */
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

/** Runs `work`, which must not wait, and takes back all memory that it was given: what is to be kept is copied by `work`. */
export function reusingPixels(work: () => void): void {
  reusing = true;
  try {
    work();
  } finally {
    reusing = false;
    memory.release();
  }
}

/** Memory whose content is of no meaning yet. */
export const pixelMemory = (bytes: number): Uint8Array<ArrayBuffer> =>
  reusing ? memory.next(bytes) : new Uint8Array(bytes);

/** A copy of `bytes`. */
export function copyOfPixels(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = pixelMemory(bytes.length);
  copy.set(bytes);
  return copy;
}
