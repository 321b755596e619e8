/** A training run from the caller's point of view: events while it runs, and its result. */
import { UsageError } from "../errors/errors.js";
import { reasonOf } from "../errors/message-of.js";
import type { TrainResult } from "../training/run/trainer.js";
import type { TrainEvent } from "../training/run-folder/events.js";

/**
 * A run in the background. Its events can be read by one `for await` at a time, which ends with the run and throws the
 * error that ended it early; leaving the loop does not stop the run, `stop()` does. Events are queued until they are read, except
 * that at most 10,000 reports of single steps are kept; the oldest are dropped.
 */
export interface TrainingRun extends AsyncIterable<TrainEvent> {
  /** The result of the run; if it was stopped, with `interrupted`. Rejects with a DeitError. */
  readonly finished: Promise<TrainResult>;
  /** Saves the run and ends it, so that it can be resumed. */
  stop(): void;
}

const mostSteps = 10_000;

/** Starts `work` and passes its events on. `signal` stops it, like `stop`. */
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
      // A failure must not crash a process that awaits the end later; if nobody awaits it or reads events, it is
      // reported.
      if (!heard && !events.read)
        process.emitWarning(`A training run failed, and nothing awaits its result yet: ${reasonOf(error)}`);
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

/** A queue of events between producer and consumer. */
class EventQueue {
  #waiting: TrainEvent[] = [];
  #steps = 0;
  #ended: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;
  /** Whether there is a reader. */
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
    if (this.read)
      throw new UsageError("The events of the run are already being read; read them in one loop at a time.");
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
          // A reader that leaves its loop leaves the remaining events to the next one.
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
