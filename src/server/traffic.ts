/** The requests that are being answered: how many there may be, and the end of it all. */
import { busy } from "./problem.js";

export class Traffic {
  readonly #stop = new AbortController();
  #inFlight = 0;

  constructor(
    /** Requests at the same time. */
    private readonly most: number,
  ) {}

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Aborted once the server is to stop: what never ends by itself ends then. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Runs `work` as one of the requests. Throws Problem with status 503 if there are too many. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inFlight >= this.most)
      throw busy(`${this.most} requests are being answered already; try again in a second.`);
    this.#inFlight++;
    try {
      return await work();
    } finally {
      this.#inFlight--;
    }
  }
}
