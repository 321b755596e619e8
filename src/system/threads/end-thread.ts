/** Ends worker threads without crashing the process. */
import type { Worker } from "node:worker_threads";

/**
 * Ends an idle thread some milliseconds (`after`) later, without keeping the process alive for it. Node 20 aborts the whole process if
 * a thread ends while V8 is still compiling that thread's code in the background ("GetForegroundTaskRunner … Assertion
 * failed"); compiling lasts milliseconds after the last work.
 */
export function endThread(worker: Worker, after = 250): void {
  worker.unref();
  setTimeout(() => void worker.terminate(), after).unref();
}
