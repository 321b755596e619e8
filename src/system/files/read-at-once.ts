/**
 * Reading that does not wait needlessly: data in memory or on a fast disk is read within this thread, which costs a
 * third of handing the read to another. After a read that took long, as from a slow disk or a network, the next ones
 * are handed over, so that many can wait at once; then one is tried within the thread again, more and more rarely while
 * it takes long, since everything else waits for it.
 */
import { closeSync, readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { openRegularSync, openSized, tooLarge } from "./regular-file.js";

/** Milliseconds; reading cached pages takes a tenth of that. */
const long = 0.5;
/** Reads that are handed over after one that took long: the first time, and at most. */
const [pause, longestPause] = [64, 4096];

let handedOver = 0;
let nextPause = pause;

/** Whether reads are handed over for the time being. */
export const readsAreSlow = (): boolean => handedOver > 0;

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
    if (performance.now() - start > long) {
      handedOver = nextPause;
      nextPause = Math.min(longestPause, 2 * nextPause);
    } else nextPause = pause;
  }
}

/**
 * Fills `bytes` from an open file, starting at `position`, and returns the number of bytes read before the file's end.
 */
export function fillSync(file: number, bytes: Uint8Array, position: number): number {
  let at = 0;
  while (at < bytes.length) {
    const read = readSync(file, bytes, at, bytes.length - at, position + at);
    if (read === 0) break;
    at += read;
  }
  return at;
}

/** The content of a regular file of at most `atMost` bytes, in memory from `allocate`. */
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

/** The same while this thread goes on with other things. */
export async function readFileAside(
  path: string,
  atMost: number,
  allocate: (bytes: number) => Uint8Array,
): Promise<Uint8Array> {
  const { file, size } = await openSized(path, "read");
  try {
    if (size > atMost) throw tooLarge(atMost);
    const bytes = allocate(size);
    return bytes.subarray(0, await fill(file, bytes, 0));
  } finally {
    // Nothing was written that closing could lose, so nobody waits for it.
    file.close().catch(() => undefined);
  }
}

/** Like `fillSync`, while this thread goes on with other things. */
export async function fill(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return at;
}
