/** Gives back to the system what compiling a program leaves free in the heap. */
import koffi from "koffi";

/**
 * The launcher's settings let the heap keep all memory for the steps of a run. What compiling took is in small pieces, which
 * are of no use to a step's large blocks: some 100 MiB for a step of DeiT-Ti. Only glibc can give them back; elsewhere nothing
 * is done.
 */
export function trimHeap(): void {
  if (process.platform !== "linux") return;
  try {
    koffi.load("libc.so.6").func("int malloc_trim(size_t)")(0);
  } catch {
    // Another C library, whose heap works in another way.
  }
}
