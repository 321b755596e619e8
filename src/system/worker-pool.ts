/** A pool of worker threads that answer jobs; one that dies is replaced and its job reported. */
import { Worker } from "node:worker_threads";

/** The worker side: answers each job. Called once by a worker's module with its `parentPort`. */
export interface PoolPort {
  on(event: "message", listener: (message: { id: number; job: never }) => void): unknown;
  postMessage(message: unknown): void;
}

/** One job after the other, in the order in which they came. */
export function serveJobs<J, R>(port: PoolPort, work: (job: J) => Promise<R>): void {
  let last: Promise<void> = Promise.resolve();
  port.on("message", ({ id, job }) => {
    last = last.then(async () => {
      try {
        port.postMessage({ id, result: await work(job) });
      } catch (error) {
        port.postMessage({ id, failure: error instanceof Error ? error.message : String(error) });
      }
    });
  });
}

/** A worker ended while it was at a job. */
export class WorkerDied extends Error {}

interface Pending<J, R> {
  readonly job: J;
  resolve(result: R): void;
  reject(error: Error): void;
}

interface Member<J, R> {
  /** Missing after it died, until there is work again: one that cannot even start must not be started forever. */
  worker: Worker | undefined;
  readonly pending: Map<number, Pending<J, R>>;
}

export class WorkerPool<J, R> {
  readonly #members: Member<J, R>[] = [];
  #next = 0;
  #closed = false;

  /** `describe` names a job in the error of a worker that died on it. */
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
    const member = this.#members.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
    const id = this.#next++;
    member.worker ??= this.#start(member);
    const { worker } = member;
    return new Promise<R>((resolve, reject) => {
      member.pending.set(id, { job, resolve, reject });
      worker.postMessage({ id, job });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#members.map((m) => m.worker?.terminate()));
  }

  #start(member: Member<J, R>): Worker {
    const worker = new Worker(this.url);
    worker.unref();
    worker.on("message", ({ id, result, failure }: { id: number; result: R; failure?: string }) => {
      const call = member.pending.get(id);
      if (!call) return;
      member.pending.delete(id);
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
      // The first job is the one it died on; the others go to a new worker.
      for (const [i, call] of lost.entries()) {
        if (i === 0) call.reject(new WorkerDied(`A worker died on ${this.describe(call.job)}: ${reason}`));
        else this.run(call.job).then(call.resolve, call.reject);
      }
    });
    return worker;
  }
}
