/** A training run as its caller sees it: events while it continues, and how it ended. */
import { messageOf } from "../errors/message-of.js";
import type { TrainResult } from "../training/run/trainer.js";
import type { TrainEvent } from "../training/run-folder/events.js";

/**
 * A run that continues by itself. Its events can be read by one `for await`, which ends with the run and throws what ended it
 * early; leaving the loop does not stop the run, `stop()` does. Events wait for whoever reads them; only of reports of
 * single steps no more than 10,000 wait, then the oldest are dropped.
 */
export interface TrainingRun extends AsyncIterable<TrainEvent> {
  /** How the run ended; also that of one that was stopped, which says `interrupted`. Rejects with a DeitError. */
  readonly finished: Promise<TrainResult>;
  /** Saves the run and ends it, so that it can be resumed. */
  stop(): void;
}

const mostSteps = 10_000;

/** Starts `work` and hands its events on. `signal` stops it, as `stop` does. */
export function startRun(
  work: (onEvent: (event: TrainEvent) => void, signal: AbortSignal) => Promise<TrainResult>,
  signal?: AbortSignal,
): TrainingRun {
  const stopping = new AbortController();
  const events = new EventQueue();
  let heard = false;
  const finished = work((event) => events.push(event), AbortSignal.any([stopping.signal, ...(signal ? [signal] : [])]));
  finished.then(
    () => events.end(),
    (error: unknown) => {
      // Who waits for the end later must not be killed by the failure before; who does neither is told.
      if (!heard && !events.read)
        process.emitWarning(`A training run failed, and nobody has asked for its end yet: ${messageOf(error)}`);
      events.end(error);
    },
  );
  return {
    get finished() {
      heard = true;
      return finished;
    },
    stop: () => stopping.abort(),
    [Symbol.asyncIterator]: () => events.iterator(),
  };
}

/** Events between whoever makes and whoever reads them. */
class EventQueue {
  #waiting: TrainEvent[] = [];
  #steps = 0;
  #ended: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;
  /** Whether somebody reads. */
  read = false;

  push(event: TrainEvent): void {
    this.#waiting.push(event);
    if (event.kind === "step" && ++this.#steps > mostSteps) this.#thin();
    this.#wake?.();
  }

  end(error?: unknown): void {
    this.#ended = { error };
    this.#wake?.();
  }

  async *iterator(): AsyncGenerator<TrainEvent, void> {
    this.read = true;
    try {
      for (;;) {
        const batch = this.#waiting;
        this.#waiting = [];
        this.#steps = 0;
        let given = 0;
        try {
          for (const event of batch) {
            given++;
            yield event;
          }
        } finally {
          // Who leaves the loop leaves the rest to the next one.
          if (given < batch.length) this.#waiting = [...batch.slice(given), ...this.#waiting];
        }
        if (this.#waiting.length > 0) continue;
        if (this.#ended?.error !== undefined) throw this.#ended.error;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      this.read = false;
    }
  }

  /** Drops the older half of the steps. */
  #thin(): void {
    let drop = mostSteps / 2;
    this.#waiting = this.#waiting.filter((event) => event.kind !== "step" || drop-- <= 0);
    this.#steps -= mostSteps / 2;
  }
}
