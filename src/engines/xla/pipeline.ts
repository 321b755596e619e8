/** Work in three stages, so that one run is on the device while the next one's data is being uploaded. */

/** The stages of a run, which follow each other. */
export interface Stages<Prepared, Submitted, Result> {
  /** Uploads data to the device, concurrently with earlier runs. */
  prepare(): Promise<Prepared>;
  /** Submits the work to the device, in the order of the calls, one at a time. */
  submit(prepared: Prepared): Promise<Submitted>;
  /** Waits for the result, concurrently with later runs. */
  finish(submitted: Submitted): Promise<Result>;
}

export class Pipeline {
  #order: Promise<unknown> = Promise.resolve();
  #unfinished: Promise<unknown>[] = [];

  /** At most `depth` runs are in flight, from preparation to finish. */
  constructor(private readonly depth: number) {}

  run<P, S, R>(stages: Stages<P, S, R>): Promise<R> {
    const before = this.#order;
    // The list contains the last `depth` runs, and each started after the one `depth` before it had finished.
    const room = this.#unfinished.length < this.depth ? undefined : this.#unfinished[0];
    const prepared = (async () => {
      await room;
      return stages.prepare();
    })();
    const submitted = (async () => {
      const ready = await settled(prepared);
      await before;
      return stages.submit(ready());
    })();
    const result = (async () => stages.finish(await submitted))();
    const end = result.then(
      () => undefined,
      () => undefined,
    );
    this.#order = submitted.then(
      () => undefined,
      () => undefined,
    );
    this.#unfinished = [...this.#unfinished, end].slice(-this.depth);
    return result;
  }

  /** Work that must see everything submitted before it, and that later work must not overtake. */
  exclusive<R>(work: () => Promise<R>): Promise<R> {
    return this.run({ prepare: async () => undefined, submit: work, finish: async (r) => r });
  }

  /** Resolves when all work so far has ended, successfully or not. */
  async idle(): Promise<void> {
    await Promise.all(this.#unfinished);
    await this.#order;
  }
}

/**
 * The outcome as a function that returns the value or throws, so that an early failure is not an unhandled rejection.
 */
async function settled<T>(promise: Promise<T>): Promise<() => T> {
  try {
    const value = await promise;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
