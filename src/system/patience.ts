/** Waiting for something that may never come, with periodic notices, until the user gives up. */

export interface PatienceOptions {
  /** Milliseconds between notices. */
  readonly every: number;
  /** Called each time, with the milliseconds waited so far. */
  readonly onWaiting: (waited: number) => void;
  readonly signal?: AbortSignal;
}

/** The value of `promise`, or undefined if the signal aborts first; `promise` is then no longer awaited. */
export async function patiently<T>(promise: Promise<T>, options: PatienceOptions): Promise<T | undefined> {
  const { every, onWaiting, signal } = options;
  if (signal?.aborted) return undefined;
  promise.catch(() => undefined); // a rejection is reported only to callers still waiting
  const start = performance.now();
  const timer = setInterval(() => onWaiting(performance.now() - start), every);
  let stop = () => {};
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal?.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", stop);
  }
}
