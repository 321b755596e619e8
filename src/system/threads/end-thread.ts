/** Ends worker threads without crashing the process. */
import type { Worker } from "node:worker_threads";

/**
 * Ends an idle thread, a moment later and without keeping the process alive for it. Node 20 aborts the whole process if
 * a thread ends while V8 is still compiling that thread's code in the background ("GetForegroundTaskRunner … Assertion
 * failed"); compiling lasts milliseconds after the last work.
 */
export function endThread(worker: Worker): void {
  worker.unref();
  setTimeout(() => void worker.terminate(), 250).unref();
}
