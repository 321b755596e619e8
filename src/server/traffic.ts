/** The requests that are being answered: how many there may be for each model, and the end of it all. */
import { busy } from "./problem.js";

export class Traffic {
  readonly #stop = new AbortController();
  readonly #inFlight = new Map<string, number>();

  constructor(
    /** Requests for one model at the same time. */
    private readonly most: number,
  ) {}

  /** Requests for all models. */
  get inFlight(): number {
    return [...this.#inFlight.values()].reduce((sum, n) => sum + n, 0);
  }

  /** Aborted once the server is to stop: what never ends by itself ends then. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Runs `work` as one of the requests for a model. Throws Problem with status 503 if there are too many. */
  async during<T>(model: string, work: () => Promise<T>): Promise<T> {
    const already = this.#inFlight.get(model) ?? 0;
    if (already >= this.most) throw busy(`${this.most} requests are being answered already; try again in a second.`);
    this.#inFlight.set(model, already + 1);
    try {
      return await work();
    } finally {
      this.#inFlight.set(model, (this.#inFlight.get(model) ?? 1) - 1);
    }
  }
}
