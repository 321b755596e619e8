/**
 * Pictures near the limit of pixels take up to 2 GB while they are decoded. The threads of a process decode them one at a
 * time, so that it is 2 GB and not that many for each thread.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";

/** More pixels than this are many: about 32 million, more than cameras have. */
export const manyPixels = 1 << 25;

const key = "deit: decoding a huge picture";
/** Milliseconds between looks at whether it is one's turn, and until it is taken anyway: who has it may have died. */
const [pause, patience] = [25, 120_000];

/** One number that all threads share: 1 while a huge picture is decoded. Threads inherit it when they are started. */
const turn = new Int32Array(sharedMemory());

function sharedMemory(): SharedArrayBuffer {
  const inherited = getEnvironmentData(key);
  if (inherited instanceof SharedArrayBuffer) return inherited;
  const memory = new SharedArrayBuffer(4);
  // The type leaves out shared memory, which is passed on as it is.
  setEnvironmentData(key, memory as unknown as ArrayBuffer);
  return memory;
}

/** Does the work on a picture of this many pixels, when it is its turn if they are many. */
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
