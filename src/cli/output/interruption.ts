/** What ends work early: signals, and standard output that nobody takes any more. */
import { DeitError, InterruptedError, PausedError } from "../../errors/errors.js";
import { earlyWarning, endBy, endings, leaveSignals } from "./early-signals.js";
import { note, outputLost } from "./output.js";

/** A launcher may hand on a signal that its child got by itself too; so close together they count as one. */
const oneSignal = 500;
/** Milliseconds in which work that has nothing to save closes what it holds; what takes longer is cut off. */
const grace = 1000;

/** How work wants to be ended. Unless it says otherwise it has nothing to save. */
export interface Ending {
  /** What the work writes to disk is worth more than what it says: it continues when its output is lost. */
  outlivesOutput(): void;
  /** From now on the work saves itself when it is told to end, after "this step", say. */
  saves(after: string): void;
  /** From now on a child process, which gets the same signals, answers them. */
  leaveToChild(): void;
}

/** Work that ended because nobody takes its output. */
export class OutputLost extends Error {}

/**
 * Runs `work` with a signal that is aborted by `endings`, its reason the name of the one that came, or by the loss of
 * standard output. The user hears of it at once. Work with nothing to save ends within a second; a second SIGINT ends
 * any at once.
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
    // A cluster warns in good time, and takes a job up again by the exit code, which an end by the signal would hide.
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

/** Whether this process speaks to the user: alone, or the first of its job. */
const leads = (): boolean => (process.env.DEIT_RANK ?? "0") === "0";
