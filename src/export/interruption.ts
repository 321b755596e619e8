/** Ends an export whose signal is aborted. */
import { InterruptedError } from "../errors/errors.js";

/** Throws InterruptedError if the export was interrupted. */
export function requireGoingOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError("The export was interrupted.");
}
