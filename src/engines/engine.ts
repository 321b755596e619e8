/**
 * The engine contract: compile programs, keep their state on the device, run them. The same for every engine, so
 * nothing above knows which one runs.
 */
import type { HostTensor, NamedTensors, Program } from "../tensor/index.js";

/**
 * Number formats of a program: `float32` throughout, or matrix products in bfloat16 with parameters, softmax,
 * normalisation, losses and optimizer in float32.
 */
export type Precision = "float32" | "bfloat16";

/** Which engine it is, and on what it runs. */
export interface EngineInfo {
  /** "onnx" or "xla". */
  readonly engine: string;
  /** "cpu", "cuda", … */
  readonly platform: string;
  readonly version: string;
  /** Devices of all processes together. */
  readonly devices: number;
  /** This process's place among those that run the same programs, when they are several. */
  readonly process?: { readonly index: number; readonly count: number };
  readonly threads?: number;
  readonly precisions: readonly Precision[];
}

/** How a program is compiled. */
export interface CompileOptions {
  readonly precision?: Precision;
}

/** Memory of one device, in bytes. */
export interface MemoryNeed {
  /** What a run holds at its fullest moment, its state included. */
  readonly needed: number;
  /** Whether the engine's compiler counted it, or it is worked out from the program. */
  readonly counted: boolean;
  /** What the device has, and what of it nobody holds now. */
  readonly limit: number;
  readonly free: number;
}

/** Tensors that live on the device, by name, shared between the programs that use them. */
export interface DeviceState {
  /** Adds or replaces tensors. */
  write(tensors: NamedTensors): Promise<void>;
  /** Copies of tensors by name (default: all). They belong to the same moment: no run falls between them. */
  read(names?: readonly string[]): Promise<Map<string, HostTensor>>;
  dispose(): Promise<void>;
}

/** A compiled program. */
export interface Executable {
  readonly program: Program;
  /** Bytes of temporaries and outputs a run needs beside its state, where the engine can tell. */
  readonly temporaryBytes?: number;
  /**
   * Runs once: reads `state` and `data`, puts updates back into `state`, and answers with the other outputs.
   * Calls are run in their order; a call may be made before the one before it has ended. Where several processes run
   * the program, all must call it, each with its own rows of what is split along the batch, and each gets its own rows
   * of such outputs.
   */
  run(state: DeviceState, data: NamedTensors): Promise<Map<string, HostTensor>>;
  dispose(): Promise<void>;
}

/** Compiles programs and keeps their state on a device. */
export interface Engine {
  readonly info: EngineInfo;
  createState(tensors: NamedTensors): Promise<DeviceState>;
  /** Throws OutOfMemoryError for a program that cannot fit into the device's memory, before it runs. */
  compile(program: Program, options?: CompileOptions): Promise<Executable>;
  /** What runs of the program will need; undefined where nobody can tell. May compile it to know. */
  memoryNeed(program: Program, options?: CompileOptions): Promise<MemoryNeed | undefined>;
  close(): Promise<void>;
}
