/**
 * Pictures near the limit of pixels take up to 2 GB while they are decoded. The threads of a process decode them one at
 * a time, so that it is 2 GB in total and not per thread.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";

/** Pictures with more pixels count as huge: about 32 million, more than most cameras have. */
export const manyPixels = 1 << 25;

const key = "deit: decoding a huge picture";
/** Milliseconds between checks for the turn, and until it is taken anyway, since its owner may have died. */
const [pause, patience] = [25, 120_000];

/** One number shared by all threads: 1 while a huge picture is decoded. Threads inherit it when they start. */
const turn = new Int32Array(sharedMemory());

function sharedMemory(): SharedArrayBuffer {
  const inherited = getEnvironmentData(key);
  if (inherited instanceof SharedArrayBuffer) return inherited;
  const memory = new SharedArrayBuffer(4);
  // The type does not include shared memory, which is passed by reference.
  setEnvironmentData(key, memory as unknown as ArrayBuffer);
  return memory;
}

/** Runs work on a picture of this many pixels, waiting for its turn if it is huge. */
export async function inTurn<T>(pixels: number, work: () => Promise<T>): Promise<T> {
  if (pixels <= manyPixels) return work();
  const end = performance.now() + patience;
  while (Atomics.compareExchange(turn, 0, 0, 1) !== 0 && performance.now() < end) await sleep(pause);
  try {
    return await work();
  } finally {
    Atomics.store(turn, 0, 0);
  }
}
