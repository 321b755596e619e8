/** The engine of a call: the caller's own, or one shared by all calls with the same choice. */
import type { Engine } from "../engines/engine.js";
import { type EngineChoice, type EngineName, openEngine as open } from "../engines/open.js";
import { UsageError } from "../errors/errors.js";
import { aFunction, checkOptions, type OptionChecks, oneOf, shown, wholeFrom } from "../errors/options.js";

/** An engine by name, by name and settings, or one that is already open and is left open. */
export type EngineOption = EngineName | EngineChoice | Engine;

/**
 * Opens an engine: `auto` (the default) selects XLA if a plugin for an accelerator is installed and works, otherwise
 * ONNX Runtime. The caller must close it. Throws EngineError if the requested engine is not available.
 *
 * @example
 * ```js
 * import { openEngine } from "deit";
 *
 * const engine = await openEngine("onnx");
 * console.log(engine.info.platform);
 * await engine.close();
 * ```
 */
export function openEngine(choice: EngineName | EngineChoice = "auto"): Promise<Engine> {
  return open(choiceOf(choice));
}

const engineOptions: OptionChecks<EngineChoice> = {
  ...{ engine: undefined, threads: wholeFrom(1), idle: oneOf("spin", "sleep") },
  ...{ plugin: undefined, devices: wholeFrom(1), precision: oneOf("float32", "bfloat16") },
  ...{ process: undefined, splitState: aFunction, onNote: aFunction },
};

/** An engine's name or settings as settings. Throws UsageError for those that there are not. */
export function choiceOf(option: EngineName | EngineChoice): EngineChoice {
  if (typeof option === "string") return { engine: option };
  if (typeof option !== "object" || option === null)
    throw new UsageError(
      `The engine is ${shown(option)}; give auto, onnx or xla, { engine, threads, … }, or an open engine.`,
    );
  checkOptions("the engine", option, engineOptions);
  return option;
}

/** An engine in use. */
export interface EngineLease {
  readonly engine: Engine;
  /** Releases it; a shared engine is closed with its last lease. */
  release(): Promise<void>;
}

interface Shared {
  readonly engine: Promise<Engine>;
  users: number;
}

/** Engines use threads and memory of the whole process, so equal choices share one. */
const shared = new Map<string, Shared>();

/**
 * The engine of an option; an engine that is already open still belongs to its owner. An idle engine does not keep the
 * process alive.
 */
export async function leaseEngine(option: EngineOption = "auto"): Promise<EngineLease> {
  if (typeof option === "object" && option !== null && "compile" in option)
    return { engine: option, release: () => Promise.resolve() };
  const choice = choiceOf(option);
  // Options that cannot be compared cannot be shared.
  if (choice.splitState || choice.process || choice.onNote) {
    const engine = await open(choice);
    return { engine, release: once(() => engine.close()) };
  }
  const { engine = "auto", threads, idle, plugin, devices, precision } = choice;
  const key = JSON.stringify([engine, threads, idle, plugin, devices, precision]);
  const found = shared.get(key) ?? { engine: open(choice), users: 0 };
  shared.set(key, found);
  found.users++;
  const release = once(async () => {
    if (--found.users > 0) return;
    if (shared.get(key) === found) shared.delete(key);
    await (await found.engine).close();
  });
  try {
    return { engine: await found.engine, release };
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
