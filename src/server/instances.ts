/** The engines of a server: each runs an instance of every model. */

import { availableParallelism } from "node:os";
import type { Engine } from "../engines/engine.js";
import { type EngineChoice, openEngine } from "../engines/open.js";
import { UsageError } from "../errors/errors.js";
import { sentence, setting, way } from "../errors/sentence.js";
import { choiceOf, type EngineOption } from "../library/engine.js";
import { Closing } from "../system/closing.js";
import { threadShare } from "../system/threads/thread-share.js";

export interface Instances {
  readonly engines: readonly Engine[];
  /** Notes on plugins that do not work here. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens that many engines (default: 2 of ONNX Runtime, on whose threads they share the processors, otherwise 1). Two
 * with half of the threads each answer more images per second than one with all: no thread of one waits for the
 * other's. Throws UsageError for several instances on an accelerator or an engine that is already open.
 */
export async function openInstances(option: EngineOption = "auto", count?: number): Promise<Instances> {
  if (typeof option === "object" && option !== null && "compile" in option) {
    requireOne(count);
    return { engines: [option], notes: [], close: () => Promise.resolve() };
  }
  const given = { idle: "sleep", ...choiceOf(option) } as const;
  const threads = given.threads ?? availableParallelism();
  const wanted = count ?? Math.min(2, threads);
  const choice = { ...given, threads: threadShare(threads, wanted) };
  const closing = new Closing();
  const engines: Engine[] = [];
  const notes: string[] = [];
  const open = async (choice: EngineChoice) => {
    const engine = await openEngine(choice, (_, passedOver) => {
      for (const { choice, error } of passedOver)
        notes.push(`The plugin "${choice.plugin ?? ""}" does not work here and is skipped: ${error}`);
    });
    closing.add(() => engine.close());
    engines.push(engine);
    return engine;
  };
  try {
    const { info } = await open(choice);
    if (info.engine !== "onnx") requireOne(count);
    else while (engines.length < wanted) await open({ ...choice, engine: "onnx" });
    return { engines, notes, close: () => closing.close() };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

function requireOne(count = 1): void {
  if (count !== 1)
    throw new UsageError(
      sentence`${count} instances of a model need engines of ONNX Runtime that the server opens itself${way`; leave out ${setting("instances")}, or choose ${setting("engine", "onnx")}`}.`,
    );
}
