/** Worker threads of deit's own modules. */
import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Starts a worker thread. A thread inherits Node's arguments, but `--input-type`, which belongs to the code of `-e`, is
 * an error with a module file: the thread then gets no arguments.
 */
export function startThread(module: URL, options: WorkerOptions = {}): Worker {
  const ofText = process.execArgv.some((argument) => argument.startsWith("--input-type"));
  return new Worker(module, { ...(ofText ? { execArgv: [] } : {}), ...options });
}
