/**
 * Reading that does not wait where there is nothing to wait for: what stands in memory or on a fast disk is read within
 * this thread, which costs a third of handing it to another. After a read that took long, as from a slow disk or a
 * network, the next ones are handed over, so that many are waited for at once.
 */
import { closeSync, readSync } from "node:fs";
import { openRegularSync, tooLarge } from "./regular-file.js";

/** Milliseconds; pages that are in memory take a tenth of that. */
const long = 0.5;
/** Reads that are handed over after one that took long. */
const pause = 64;

let handedOver = 0;

/** Does `now` within this thread, or `later` while reads are slow. */
export async function atOnce<T>(now: () => T, later: () => Promise<T>): Promise<T> {
  if (handedOver > 0) {
    handedOver--;
    return later();
  }
  const start = performance.now();
  try {
    return now();
  } finally {
    if (performance.now() - start > long) handedOver = pause;
  }
}

/** Fills `bytes` from `position` of an open file on, as far as the file goes, and answers with how far that is. */
export function fillSync(file: number, bytes: Uint8Array, position: number): number {
  let at = 0;
  while (at < bytes.length) {
    const read = readSync(file, bytes, at, bytes.length - at, position + at);
    if (read === 0) break;
    at += read;
  }
  return at;
}

/** The content of a regular file of at most so many bytes, in memory from `allocate`. */
export function readFileInto(path: string, atMost: number, allocate: (bytes: number) => Uint8Array): Uint8Array {
  const { file, size } = openRegularSync(path);
  try {
    if (size > atMost) throw tooLarge(atMost);
    const bytes = allocate(size);
    return bytes.subarray(0, fillSync(file, bytes, 0));
  } finally {
    closeSync(file);
  }
}
