/** A pool of worker threads that process jobs; one that dies is replaced and its job retried once. */

import type { Worker } from "node:worker_threads";
import { messageOf } from "../../errors/message-of.js";
import { endThread } from "./end-thread.js";
import { startThread } from "./start-thread.js";

/** The part of a worker's `parentPort` that the pool needs. */
export interface PoolPort {
  on(event: "message", listener: (message: { id: number; job: never } | "close") => void): unknown;
  postMessage(message: unknown): void;
}

/**
 * The worker's side, called once by its module with `parentPort`: processes jobs one after the other, in order of
 * arrival.
 */
export function serveJobs<J, R>(port: PoolPort, work: (job: J) => Promise<R>): void {
  let last: Promise<void> = Promise.resolve();
  let closed = false;
  port.on("message", (message) => {
    if (message === "close") {
      closed = true;
      return;
    }
    const { id, job } = message;
    last = last.then(async () => {
      if (closed) return;
      try {
        port.postMessage({ id, result: await work(job) });
      } catch (error) {
        port.postMessage({ id, failure: messageOf(error) });
      }
    });
  });
}

/** A worker ended while processing a job. */
export class WorkerDied extends Error {}

interface Pending<J, R> {
  readonly job: J;
  /** Number of workers that have died on it. */
  readonly deaths: number;
  resolve(result: R): void;
  reject(error: Error): void;
}

interface Member<J, R> {
  /** Undefined after it died, until there is work again: one that cannot even start must not be restarted forever. */
  worker: Worker | undefined;
  readonly pending: Map<number, Pending<J, R>>;
}

export class WorkerPool<J, R> {
  readonly #members: Member<J, R>[] = [];
  #next = 0;
  #closed = false;

  /** `describe` names a job in the error for a worker that died on it. */
  constructor(
    private readonly url: URL,
    size: number,
    private readonly describe: (job: J) => string,
  ) {
    for (let i = 0; i < size; i++) {
      const member: Member<J, R> = { worker: undefined, pending: new Map() };
      member.worker = this.#start(member);
      this.#members.push(member);
    }
  }

  get size(): number {
    return this.#members.length;
  }

  /** Gives the job to the least busy worker. */
  run(job: J): Promise<R> {
    return this.#run(job, 0);
  }

  #run(job: J, deaths: number): Promise<R> {
    const member = this.#members.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
    const id = this.#next++;
    member.worker ??= this.#start(member);
    const { worker } = member;
    return new Promise<R>((resolve, reject) => {
      member.pending.set(id, { job, deaths, resolve, reject });
      worker.ref(); // keeps the process alive while it works
      worker.postMessage({ id, job });
    });
  }

  /** Ends the workers; jobs that have not started are not processed. */
  close(): void {
    this.#closed = true;
    for (const { worker } of this.#members) {
      if (!worker) continue;
      worker.postMessage("close");
      endThread(worker);
    }
  }

  #start(member: Member<J, R>): Worker {
    const worker = startThread(this.url);
    worker.unref();
    worker.on("message", ({ id, result, failure }: { id: number; result: R; failure?: string }) => {
      const call = member.pending.get(id);
      if (!call) return;
      member.pending.delete(id);
      if (member.pending.size === 0) worker.unref();
      if (failure === undefined) call.resolve(result);
      else call.reject(new Error(failure));
    });
    let reason = "it ended by itself";
    worker.on("error", (error) => {
      reason = error.message;
    });
    worker.on("exit", () => {
      if (this.#closed) return;
      const lost = [...member.pending.values()];
      member.pending.clear();
      member.worker = undefined;
      // The first job is the one it died on. The job may not be the cause, so a second worker may try it once.
      for (const [i, call] of lost.entries()) {
        const deaths = call.deaths + (i === 0 ? 1 : 0);
        if (deaths > 1)
          call.reject(new WorkerDied(`Two workers crashed while processing ${this.describe(call.job)}: ${reason}`));
        else this.#run(call.job, deaths).then(call.resolve, call.reject);
      }
    });
    return worker;
  }
}
