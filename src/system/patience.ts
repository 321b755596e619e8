/** Waiting for something that may never come: with a word now and then, and until the user has had enough. */

export interface PatienceOptions {
  /** Milliseconds between words. */
  readonly every: number;
  /** Called each time, with the milliseconds waited so far. */
  readonly onWaiting: (waited: number) => void;
  readonly signal?: AbortSignal;
}

/** What `promise` gives, or undefined when the signal aborts first; `promise` is then left to itself. */
export async function patiently<T>(promise: Promise<T>, options: PatienceOptions): Promise<T | undefined> {
  const { every, onWaiting, signal } = options;
  if (signal?.aborted) return undefined;
  promise.catch(() => undefined); // told to whoever still waits
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
