/** What ends work early: signals, and loss of standard output. */
import { DeitError, InterruptedError, PausedError } from "../../errors/errors.js";
import { earlyWarning, endBy, endings, leaveSignals } from "./early-signals.js";
import { note, outputLost } from "./output.js";

/** A launcher may forward a signal that its child also received directly; within this time they count as one. */
const oneSignal = 500;
/** Milliseconds for work with nothing to save to close its resources; then it is terminated. */
const grace = 1000;

/** How work is to be ended. By default it has nothing to save. */
export interface Ending {
  /** The work's files matter more than its output: it continues if its output is lost. */
  outlivesOutput(): void;
  /** From now on the work saves itself when asked to end, for example after "this step". */
  saves(after: string): void;
  /** From now on a child process, which gets the same signals, handles them. */
  leaveToChild(): void;
}

/** Work that ended because its output was lost. */
export class OutputLost extends Error {}

/**
 * Runs `work` with a signal that is aborted by `endings`, with the signal's name as reason, or by the loss of standard
 * output. The user is notified immediately. Work with nothing to save ends within a second; a second SIGINT ends any
 * work immediately.
 */
export async function interruptible<T>(work: (signal: AbortSignal, ending: Ending) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  let after: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let first = Number.POSITIVE_INFINITY;
  const cutOff = (name: NodeJS.Signals) => {
    if (after === undefined) timer ??= setTimeout(endBy, grace, name);
  };
  const stop = (name: NodeJS.Signals) => {
    if (signal.aborted) {
      if (name === "SIGINT" && performance.now() - first > oneSignal) endBy(name);
      else if (signal.reason === "SIGUSR1" && name !== "SIGUSR1") cutOff(name);
      return;
    }
    first = performance.now();
    if (leads()) note(acknowledgement(name, after));
    // A cluster warns in time, and restarts a job based on the exit code, which ending by the signal would hide.
    if (name !== "SIGUSR1") cutOff(name);
    controller.abort(name);
  };
  const lose = () => controller.abort("SIGPIPE");
  const answer = () => {
    for (const name of endings) process.on(name, stop);
    outputLost.addEventListener("abort", lose);
  };
  const ignore = () => {
    for (const name of endings) process.off(name, stop);
    outputLost.removeEventListener("abort", lose);
  };
  answer();
  leaveSignals();
  if (earlyWarning.aborted) stop("SIGUSR1");
  try {
    return await work(signal, {
      saves: (what) => {
        clearTimeout(timer);
        after = what;
      },
      outlivesOutput: () => outputLost.removeEventListener("abort", lose),
      leaveToChild: ignore,
    });
  } catch (error) {
    if (signal.reason === "SIGPIPE") throw new OutputLost();
    if (signal.reason === "SIGUSR1" && (error instanceof InterruptedError || !(error instanceof DeitError)))
      throw new PausedError(error instanceof InterruptedError ? error.message : "Interrupted.", { cause: error });
    if (signal.aborted && !(error instanceof DeitError)) throw new InterruptedError("Interrupted.", { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
    ignore();
  }
}

function acknowledgement(name: NodeJS.Signals, after: string | undefined): string {
  if (after === undefined) return "Stopping.";
  return `Stopping after ${after}${name === "SIGINT" ? "; press Ctrl-C again to stop at once" : ""}.`;
}

/** Whether this process reports to the user: alone, or the first of its job. */
const leads = (): boolean => (process.env.DEIT_RANK ?? "0") === "0";
