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
 * arrival. `prepare` is called when a job arrives, while an earlier one may be in work.
 */
export function serveJobs<J, R>(port: PoolPort, work: (job: J) => Promise<R>): void;
export function serveJobs<J, P, R>(port: PoolPort, work: (job: P) => Promise<R>, prepare: (job: J) => P): void;
export function serveJobs(
  port: PoolPort,
  work: (job: unknown) => Promise<unknown>,
  prepare = (job: unknown): unknown => job,
): void {
  let last: Promise<void> = Promise.resolve();
  let closed = false;
  port.on("message", (message) => {
    if (message === "close") {
      closed = true;
      return;
    }
    const { id } = message;
    const job = prepare(message.job);
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

/** A job took longer than it may. Its worker may still be using what it was given. */
export class JobTooLong extends Error {}

export interface PoolOptions {
  /** Milliseconds that a job may take, including the start of its worker (default: any time). */
  readonly timeLimit?: number;
}

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
  /** Whether the worker has answered a job. */
  answered?: boolean;
  /** Ends the worker if its first job takes too long. */
  timer?: NodeJS.Timeout;
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
    private readonly options: PoolOptions = {},
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
      if (member.pending.size === 1) this.#time(member);
      worker.ref(); // keeps the process alive while it works
      worker.postMessage({ id, job });
    });
  }

  /** Ends the workers; jobs that have not started are not processed. */
  close(): void {
    this.#closed = true;
    for (const { worker, answered, timer } of this.#members) {
      clearTimeout(timer);
      if (!worker) continue;
      worker.postMessage("close");
      // Before its first answer a thread may be loading native modules, which abort the process if they are interrupted
      // ("FATAL ERROR: … napi_throw"): by then they are loaded.
      endThread(worker, answered ? undefined : 10_000);
    }
  }

  #start(member: Member<J, R>): Worker {
    const worker = startThread(this.url);
    member.answered = false;
    worker.unref();
    worker.on("message", ({ id, result, failure }: { id: number; result: R; failure?: string }) => {
      const call = member.pending.get(id);
      member.answered = true;
      if (!call) return;
      member.pending.delete(id);
      this.#time(member);
      if (member.pending.size === 0) worker.unref();
      if (failure === undefined) call.resolve(result);
      else call.reject(new Error(failure));
    });
    let reason = "it ended by itself";
    worker.on("error", (error) => {
      reason = error.message;
    });
    worker.on("exit", () => {
      if (this.#closed || member.worker !== worker) return;
      const lost = this.#lose(member);
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

  /** The jobs of a worker that is given up. */
  #lose(member: Member<J, R>): readonly Pending<J, R>[] {
    clearTimeout(member.timer);
    const lost = [...member.pending.values()];
    member.pending.clear();
    member.worker = undefined;
    return lost;
  }

  /** Measures the time of the job that a worker begins. */
  #time(member: Member<J, R>): void {
    clearTimeout(member.timer);
    const { timeLimit } = this.options;
    if (timeLimit === undefined || member.pending.size === 0) return;
    member.timer = setTimeout(() => {
      // Native code cannot be interrupted, so nobody waits for the thread's end.
      const { worker } = member;
      if (worker) endThread(worker);
      const [slow, ...others] = this.#lose(member);
      slow.reject(new JobTooLong(`It took more than ${timeLimit} ms to process ${this.describe(slow.job)}.`));
      for (const { job, deaths, resolve, reject } of others) this.#run(job, deaths).then(resolve, reject);
    }, timeLimit).unref();
  }
}
