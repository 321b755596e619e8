/** Chooses and opens an engine. */
import { EngineError, UsageError } from "../errors.js";
import type { Engine, Precision } from "./engine.js";
import { createOnnxEngine } from "./onnx/engine.js";
import type { ProcessOptions } from "./xla/open-client.js";
import { listPlugins } from "./xla/plugins/store.js";

export type EngineName = "auto" | "onnx" | "xla";

export interface EngineChoice {
  /** `auto`: XLA where a plugin for an accelerator is installed or named, otherwise ONNX Runtime. */
  readonly engine?: EngineName;
  /** Threads of the ONNX engine. */
  readonly threads?: number;
  /** Plugin of the XLA engine: its name or the path of a library. */
  readonly plugin?: string;
  /** Devices of the XLA engine. */
  readonly devices?: number;
  readonly precision?: Precision;
  /** XLA: this process's place among several that run the same programs. */
  readonly process?: ProcessOptions;
  /** XLA: state that lies in parts on the devices instead of whole on each. */
  readonly splitState?: (name: string) => boolean;
}

export interface Choice {
  readonly engine: "onnx" | "xla";
  readonly plugin?: string;
  /** Why, for the log. */
  readonly reason: string;
}

/** What `auto` means on this machine. */
export async function chooseEngine({ engine = "auto", plugin, precision }: EngineChoice): Promise<Choice> {
  if (engine !== "auto" && engine !== "onnx" && engine !== "xla") {
    throw new UsageError(`There is no engine "${engine}"; choose auto, onnx or xla.`);
  }
  if (engine === "onnx") return { engine, reason: "it was asked for" };
  if (engine === "xla") return { engine, plugin, reason: "it was asked for" };
  if (plugin) return { engine: "xla", plugin, reason: `the plugin "${plugin}" was named` };
  const installed = await listPlugins();
  const accelerator = installed.find((p) => p.name !== "cpu");
  if (accelerator)
    return { engine: "xla", plugin: accelerator.name, reason: `the plugin "${accelerator.name}" is installed` };
  if (precision === "bfloat16") return { engine: "xla", plugin, reason: "only XLA computes in bfloat16" };
  return { engine: "onnx", reason: "no accelerator plugin is installed, and it needs none" };
}

/** Opens the chosen engine. The XLA engine is loaded only when it is used. */
export async function openEngine(choice: EngineChoice): Promise<Engine> {
  const { engine, plugin } = await chooseEngine(choice);
  if (engine === "onnx") {
    if (choice.devices !== undefined && choice.devices !== 1) {
      throw new EngineError(`The ONNX engine has one device, not ${choice.devices}; use --engine xla for several.`);
    }
    if (choice.process) {
      throw new EngineError("The ONNX engine trains in one process; use --engine xla with a plugin for GPUs.");
    }
    return createOnnxEngine({ threads: choice.threads });
  }
  const { createXlaEngine } = await import("./xla/engine.js");
  const { devices, process, splitState } = choice;
  return createXlaEngine({ plugin, devices, process, splitState });
}
