/** Worker threads of our own modules. */
import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Starts a worker thread. A thread inherits the arguments of Node, but `--input-type`, which belongs to the text of `-e`, is
 * an error beside a module's file: then it gets none of them.
 */
export function startThread(module: URL, options: WorkerOptions = {}): Worker {
  const ofText = process.execArgv.some((argument) => argument.startsWith("--input-type"));
  return new Worker(module, { ...(ofText ? { execArgv: [] } : {}), ...options });
}
