/** Chooses and opens an engine. */
import { EngineError, UsageError } from "../errors/errors.js";
import { type Message, sentence, setting, way } from "../errors/sentence.js";
import { multipliesBfloat16, processorFeatures } from "../system/processor.js";
import type { Engine, Precision } from "./engine.js";
import { createOnnxEngine, type Idle } from "./onnx/engine.js";
import type { ProcessOptions } from "./xla/open-client.js";
import { listPlugins } from "./xla/plugins/store.js";

/** Engines by name; `auto` selects the fastest that works here. */
export type EngineName = "auto" | "onnx" | "xla";

/** Which engine to open, and its settings. */
export interface EngineChoice {
  /** `auto`: XLA where a plugin for an accelerator is installed and works, or is named; otherwise ONNX Runtime. */
  readonly engine?: EngineName;
  /** Threads of the ONNX engine. */
  readonly threads?: number;
  /** What idle threads of the ONNX engine do (default: `spin`); see `OnnxEngineOptions`. */
  readonly idle?: Idle;
  /** Plugin of the XLA engine: a name or the path of a library. */
  readonly plugin?: string;
  /** Devices of the XLA engine. */
  readonly devices?: number;
  /** Number format of matrix products (default: float32). */
  readonly precision?: Precision;
  /** XLA: this process's index among several that run the same programs. */
  readonly process?: ProcessOptions;
  /** XLA: state that is split over the devices instead of replicated on each. */
  readonly splitState?: (name: string) => boolean;
  /** Receives what does not stop the engine, but its user should know, such as kernels that do not work here. */
  readonly onNote?: (note: Message) => void;
}

/** An engine that was chosen. */
export interface Choice {
  /** Its name. */
  readonly engine: "onnx" | "xla";
  /** The PJRT plugin that runs it, for XLA. */
  readonly plugin?: string;
  /** Why it was chosen, for the log. */
  readonly reason: string;
}

/** A choice that did not work here, and why. */
export interface PassedOver {
  /** The engine that was tried. */
  readonly choice: Choice;
  /** Why it does not work on this machine. */
  readonly error: Message;
}

/** Plugins for accelerators, the fastest devices first; unknown ones come last. */
const fastestFirst = ["tpu", "cuda13", "cuda12", "rocm", "oneapi", "metal"];

/** The engine of the choice; with `auto` the fastest candidate, which only opening it can confirm. */
export async function chooseEngine(choice: EngineChoice): Promise<Choice> {
  const [first] = await candidates(choice);
  return first;
}

/** The choices to try, in order. More than one only with `auto`. */
async function candidates({ engine = "auto", plugin, precision, process }: EngineChoice): Promise<Choice[]> {
  if (engine !== "auto" && engine !== "onnx" && engine !== "xla") {
    throw new UsageError(`There is no engine "${engine}"; choose auto, onnx or xla.`);
  }
  if (engine === "onnx") return [{ engine, reason: "it was asked for" }];
  if (engine === "xla") return [{ engine, plugin, reason: "it was asked for" }];
  if (plugin) return [{ engine: "xla", plugin, reason: `the plugin "${plugin}" was named` }];
  const place = (name: string) => (fastestFirst.indexOf(name) + fastestFirst.length + 1) % (fastestFirst.length + 1);
  const installed = (await listPlugins()).map((p) => p.name).sort((a, b) => place(a) - place(b));
  const accelerators = installed
    .filter((name) => name !== "cpu")
    .map((name) => ({ engine: "xla" as const, plugin: name, reason: `the plugin "${name}" is installed` }));
  if (precision === "bfloat16") return [...accelerators, { engine: "xla", reason: "only XLA computes in bfloat16" }];
  if (process) return [...accelerators, { engine: "xla", reason: "only XLA trains in several processes" }];
  const none = accelerators.length === 0 ? "no accelerator plugin is installed" : "no accelerator works";
  // Measured in docs/performance.md: within a tenth of each other on CPUs.
  const reason = `${none}, and on a CPU it is about as fast as XLA and compiles nothing`;
  return [...accelerators, { engine: "onnx", reason }];
}

/**
 * Opens the chosen engine; with `auto` the first that opens. `onChosen` receives the choice and what was skipped. The
 * XLA engine is loaded only when it is used.
 */
export async function openEngine(
  choice: EngineChoice,
  onChosen?: (chosen: Choice, passedOver: readonly PassedOver[]) => void,
): Promise<Engine> {
  const all = await candidates(choice);
  const passedOver: PassedOver[] = [];
  for (const [i, candidate] of all.entries()) {
    try {
      const engine = await open(candidate, choice);
      onChosen?.(candidate, passedOver);
      if (choice.precision === "bfloat16" && engine.info.platform === "cpu") await noteIfEmulated(choice);
      return engine;
    } catch (error) {
      if (!(error instanceof EngineError) || i === all.length - 1) throw error;
      passedOver.push({ choice: candidate, error: error.text });
    }
  }
  throw new EngineError("There is no engine to open.");
}

const emulated = sentence`This processor has no instructions for bfloat16 (avx512_bf16, amx_bf16), which is therefore emulated: correct, but at about half the speed of float32${way`; leave ${setting("precision", "bfloat16")} out to train in float32`}.`;

async function noteIfEmulated({ onNote }: EngineChoice): Promise<void> {
  if (!multipliesBfloat16(await processorFeatures())) onNote?.(emulated);
}

async function open({ engine, plugin }: Choice, choice: EngineChoice): Promise<Engine> {
  if (engine === "onnx") {
    if (choice.devices !== undefined && choice.devices !== 1) {
      throw new EngineError(
        sentence`The ONNX engine has one device, not ${choice.devices}${way`; use ${setting("engine", "xla")} for several`}.`,
      );
    }
    if (choice.process) {
      throw new EngineError(
        sentence`The ONNX engine trains in one process${way`; use ${setting("engine", "xla")} with a plugin for GPUs`}.`,
      );
    }
    return createOnnxEngine({ threads: choice.threads, idle: choice.idle });
  }
  const { createXlaEngine } = await import("./xla/engine.js");
  const { devices, process, splitState, onNote } = choice;
  return createXlaEngine({ plugin, devices, process, splitState, onNote });
}
