/**
 * Engines that run programs of the tensor language: ONNX Runtime, which comes along, and XLA through PJRT plugins.
 * @module deit/engines
 */

// Opening one.

export { createOnnxEngine, type Idle, type OnnxEngineOptions } from "./onnx/engine.js";
export { type Choice, type EngineChoice, type EngineName, openEngine, type PassedOver } from "./open.js";
export type { ProcessOptions } from "./xla/open-client.js";

// What every engine does.

export type {
  CompileOptions,
  DeviceState,
  Engine,
  EngineInfo,
  Executable,
  MemoryNeed,
  Precision,
} from "./engine.js";
