/** Puts inputs that arrive together into batches. */

export interface BatchLimits {
  /** Inputs of a batch at most. */
  readonly mostInputs: number;
  /** Milliseconds that an input waits at most for others that are still being prepared. */
  readonly longestWait: number;
  /** Batches that run at the same time. */
  readonly instances: number;
}

/** What an input is waiting for. */
interface Waiting<I, O> {
  readonly input: I;
  /** Milliseconds on the clock of `performance.now()`. */
  readonly since: number;
  readonly signal?: AbortSignal;
  resolve(output: O): void;
  reject(error: unknown): void;
}

/**
 * Runs inputs in batches, in order of arrival; each instance runs one batch at a time. While all are busy, the next batch
 * gathers. A batch starts when it is full, when nothing else is being prepared, or when its first input has waited for
 * `longestWait`: an input that is alone never waits. Several idle instances share what is waiting. Sizes are powers of
 * two, since a program is compiled for each; what exceeds one stays for the next batch.
 */
export class Batcher<I, O> {
  #waiting: Waiting<I, O>[] = [];
  #preparing = 0;
  /** Instances that run nothing, by index. */
  readonly #idle: number[];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    /** As many outputs as inputs, in order. */
    private readonly run: (inputs: readonly I[], instance: number) => Promise<readonly O[]>,
    readonly limits: BatchLimits,
  ) {
    this.#idle = Array.from({ length: limits.instances }, (_, i) => i);
  }

  /**
   * The output for an input that is still being prepared. Rejects like `preparing` or the batch, or if the signal is
   * aborted while the input waits.
   */
  async add(preparing: Promise<I>, signal?: AbortSignal): Promise<O> {
    this.#preparing++;
    let input: I;
    try {
      input = await preparing;
    } finally {
      this.#preparing--;
      this.#considerSoon();
    }
    return new Promise<O>((resolve, reject) => {
      this.#waiting.push({ input, since: performance.now(), signal, resolve, reject });
      this.#considerSoon();
    });
  }

  /** What is prepared in the same turn of the event loop arrives together. */
  #considerSoon(): void {
    queueMicrotask(() => this.#consider());
  }

  #consider(): void {
    this.#dropAborted();
    const { mostInputs, longestWait } = this.limits;
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const left = this.#waiting[0].since + longestWait - performance.now();
      if (this.#waiting.length < mostInputs && this.#preparing > 0 && left > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.#consider();
        }, Math.ceil(left));
        return;
      }
      clearTimeout(this.#timer);
      this.#timer = undefined;
      const share = Math.ceil(this.#waiting.length / this.#idle.length);
      const instance = this.#idle.shift()!;
      void this.#start(this.#waiting.splice(0, powerOfTwo(Math.min(share, mostInputs))), instance);
    }
  }

  #dropAborted(): void {
    const given = this.#waiting.filter(({ signal }) => signal?.aborted);
    if (given.length === 0) return;
    this.#waiting = this.#waiting.filter(({ signal }) => !signal?.aborted);
    for (const { reject, signal } of given) reject(signal?.reason);
  }

  async #start(batch: readonly Waiting<I, O>[], instance: number): Promise<void> {
    try {
      const outputs = await this.run(
        batch.map(({ input }) => input),
        instance,
      );
      for (const [i, { resolve }] of batch.entries()) resolve(outputs[i]);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      // The lowest first: one request at a time keeps to one instance, whose memory is warm.
      this.#idle.push(instance);
      this.#idle.sort((a, b) => a - b);
      this.#consider();
    }
  }
}

/** The largest power of two up to `n`. */
const powerOfTwo = (n: number): number => 2 ** Math.floor(Math.log2(n));
