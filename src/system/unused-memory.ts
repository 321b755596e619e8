/** Gives memory that nothing uses any more back to the system, where a peak would otherwise come on top of it. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import koffi from "koffi";

/**
 * Collects JavaScript's garbage now. What was large and lived for a while, such as first values that are on the device, V8 would
 * keep until much more had been allocated.
 */
export function freeUnusedMemory(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  trimHeap();
}

/**
 * Gives back what is free in the heap. The launcher's settings let it keep all memory for the steps of a run, but what compiling
 * a program took is in small pieces, which are of no use to a step's large blocks. Only glibc can give them back; elsewhere
 * nothing is done.
 */
export function trimHeap(): void {
  if (process.platform !== "linux") return;
  try {
    koffi.load("libc.so.6").func("int malloc_trim(size_t)")(0);
  } catch {
    // Another C library, whose heap works in another way.
  }
}
