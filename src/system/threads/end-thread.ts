/** Ending worker threads without taking the process along. */
import type { Worker } from "node:worker_threads";

/**
 * Ends a thread that has nothing left to do, a moment later and without keeping the process for it. Node 20 aborts the
 * whole process when a thread goes while V8 still compiles that thread's code in the background ("GetForegroundTaskRunner
 * … Assertion failed"); compiling lasts milliseconds after the last work.
 */
export function endThread(worker: Worker): void {
  worker.unref();
  setTimeout(() => void worker.terminate(), 250).unref();
}
