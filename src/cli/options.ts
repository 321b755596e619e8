/** Parsers of option values, and what commands share. */
import { InvalidArgumentError } from "commander";
import type { Engine } from "../engines/engine.js";
import { createOnnxEngine } from "../engines/onnx/engine.js";
import { InterruptedError } from "../errors.js";

export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (!Number.isInteger(n) || n < least)
      throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`);
    return n;
  };
}

export function number(least: number, most = Infinity): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (text.trim() === "" || !(n >= least && n <= most)) {
      throw new InvalidArgumentError(
        `It must be a number ${most === Infinity ? `of ${least} or more` : `from ${least} to ${most}`}.`,
      );
    }
    return n;
  };
}

/** Runs `work` with an engine, closed afterwards whatever happens. */
export async function withEngine<T>(options: { threads?: number }, work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await createOnnxEngine({ threads: options.threads });
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

/** Runs `work` with a signal that SIGINT and SIGTERM abort; the second one ends the process at once. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(new InterruptedError("").exitCode);
    controller.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
