/** A job in its own thread that can be ended from outside: for code that a malicious file may send into a loop. */

import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../errors/message-of.js";
import { endThread } from "./end-thread.js";
import { startThread } from "./start-thread.js";

export interface Guard {
  /** JavaScript heap of the thread, in MiB. */
  readonly heapMiB: number;
  /** The job is ended if it reports no progress for this time. */
  readonly idleMilliseconds: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (value: number) => void;
}

/** Why a job was ended; the message completes "the file …". */
export class JobEnded extends Error {}

type Message<R> = { readonly progress: number } | { readonly result: R } | { readonly failure: string };

/** Runs the job that the module at `url` serves by `serveGuarded`. Throws JobEnded if it fails or is ended. */
export function runGuarded<J, R>(url: URL, job: J, guard: Guard): Promise<R> {
  const { heapMiB, idleMilliseconds, signal, onProgress } = guard;
  return new Promise<R>((resolve, reject) => {
    const worker = startThread(url, { workerData: job, resourceLimits: { maxOldGenerationSizeMb: heapMiB } });
    const end = (error: unknown) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      void worker.terminate();
      reject(error);
    };
    const abort = () => end(signal?.reason);
    const tooLong = () => end(new JobEnded(`kept its reader busy for ${idleMilliseconds / 1000} s without a result`));
    let timer = setTimeout(tooLong, idleMilliseconds);
    signal?.addEventListener("abort", abort);
    worker.on("message", (message: Message<R>) => {
      clearTimeout(timer);
      if ("progress" in message) {
        timer = setTimeout(tooLong, idleMilliseconds);
        onProgress?.(message.progress);
      } else if ("failure" in message) end(new JobEnded(message.failure));
      else {
        signal?.removeEventListener("abort", abort);
        endThread(worker);
        resolve(message.result);
      }
    });
    worker.on("error", (error: NodeJS.ErrnoException) => {
      const memory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
      end(new JobEnded(memory ? `wants more than ${heapMiB} MiB to be read` : error.message));
    });
    worker.on("exit", () => end(new JobEnded("ended its reader")));
  });
}

/** The thread's side: does the job and sends the result. */
export async function serveGuarded<J, R>(
  work: (job: J, progress: (value: number) => void) => Promise<R>,
): Promise<void> {
  const send = (message: Message<R>) => parentPort?.postMessage(message);
  try {
    send({ result: await work(workerData as J, (progress) => send({ progress })) });
  } catch (error) {
    send({ failure: messageOf(error) });
  }
}
