/** Room for signals in long work on the main thread. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { InterruptedError } from "../errors/errors.js";

/**
 * Lets the event loop look at what has come meanwhile, as a signal, whose listeners have then been called. Work that
 * keeps the main thread for longer than a moment awaits it between its stages.
 */
export async function turn(): Promise<void> {
  // What is running may itself be an answer to the loop's look at its files: only the next look finds what came since.
  await nextTurn();
  await nextTurn();
}

/** Does all of a work that rests after each piece, with a turn in each rest. Throws InterruptedError when the signal says so. */
export async function inTurns<T>(pieces: Generator<undefined, T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    const piece = pieces.next();
    if (piece.done) return piece.value;
    await turn();
    if (signal?.aborted) throw new InterruptedError("It was interrupted before the first step.");
  }
}
