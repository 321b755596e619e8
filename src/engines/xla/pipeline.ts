/** Work in three stages, so that one run is on the device while the next one's data is on its way. */

/** What a run does. Stages of one run follow each other. */
export interface Stages<Prepared, Submitted, Result> {
  /** Brings data to the device; runs beside the runs before. */
  prepare(): Promise<Prepared>;
  /** Hands the work to the device; in the order of the calls, one at a time. */
  submit(prepared: Prepared): Promise<Submitted>;
  /** Waits for the result; beside the runs after. */
  finish(submitted: Submitted): Promise<Result>;
}

export class Pipeline {
  #order: Promise<unknown> = Promise.resolve();
  #unfinished: Promise<unknown>[] = [];

  /** At most `depth` runs are between their preparation and their end. */
  constructor(private readonly depth: number) {}

  run<P, S, R>(stages: Stages<P, S, R>): Promise<R> {
    const before = this.#order;
    // The list holds the last `depth` runs, and each of them began after the one `depth` before it had ended.
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

  /** Work that must see everything submitted before it, and that nothing submitted after it may overtake. */
  exclusive<R>(work: () => Promise<R>): Promise<R> {
    return this.run({ prepare: async () => undefined, submit: work, finish: async (r) => r });
  }

  /** Resolves when all work so far has ended, well or not. */
  async idle(): Promise<void> {
    await Promise.all(this.#unfinished);
    await this.#order;
  }
}

/** The outcome as a function that gives the value or throws, so that an early failure is not an unhandled rejection. */
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
