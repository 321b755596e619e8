/**
 * The engine contract: compile programs, keep their state on the device, run them. It is the same for every engine, so
 * no code above depends on which one runs.
 */
import type { HostTensor, NamedTensors, Program } from "../tensor/index.js";

/**
 * Number formats of a program: `float32` throughout, or matrix products in bfloat16 with parameters, softmax,
 * normalisation, losses and optimizer in float32.
 */
export type Precision = "float32" | "bfloat16";

/** Which engine it is, and what it runs on. */
export interface EngineInfo {
  /** "onnx" or "xla". */
  readonly engine: string;
  /** "cpu", "cuda", … */
  readonly platform: string;
  /** Version of the runtime or plugin. */
  readonly version: string;
  /** Number of devices of all processes together. */
  readonly devices: number;
  /** This process's index among those that run the same programs, if there are several. */
  readonly process?: {
    /** Counted from 0. */
    readonly index: number;
    /** Number of the processes. */
    readonly count: number;
  };
  /** Threads that compute, for engines on the CPU. */
  readonly threads?: number;
  /** Number formats that programs can be compiled for. */
  readonly precisions: readonly Precision[];
}

/** How a program is compiled. */
export interface CompileOptions {
  /** Number format of matrix products (default: float32). Throws EngineError for one that the engine does not have. */
  readonly precision?: Precision;
  /**
   * A state that never changes again and that every run will be given: what the program reads of it may be built into
   * the program, instead of being handed over in every run.
   */
  readonly frozen?: DeviceState;
  /** Whether runs of other programs come between its own, so that it should keep no working memory for the next one. */
  readonly alternates?: boolean;
}

/** Memory of one device, in bytes. */
export interface MemoryNeed {
  /** Peak memory of a run, including its state. */
  readonly needed: number;
  /** True if reported by the engine's compiler, false if estimated from the program. */
  readonly counted: boolean;
  /** The device's memory, and how much of it is free now. */
  readonly limit: number;
  /** Bytes that the device has left; undefined if it does not say. */
  readonly free: number;
}

/** Tensors that live on the device, by name, shared between the programs that use them. */
export interface DeviceState {
  /** Adds or replaces tensors. */
  write(tensors: NamedTensors): Promise<void>;
  /** Copies of tensors by name (default: all). They form a consistent snapshot: no run falls between them. */
  read(names?: readonly string[]): Promise<Map<string, HostTensor>>;
  /** Frees the memory of the tensors on the device. */
  dispose(): Promise<void>;
}

/** A compiled program. */
export interface Executable {
  /** The program that was compiled. */
  readonly program: Program;
  /** Bytes of temporaries and outputs that a run needs besides its state, if the engine reports them. */
  readonly temporaryBytes?: number;
  /**
   * Runs once: reads `state` and `data`, writes updates back to `state`, and returns the other outputs. Calls are
   * executed in order; a call may be made before the previous one has finished. If several processes run the program,
   * all must call it, each with its own rows of inputs that are split along the batch, and each gets its own rows of
   * such outputs.
   */
  run(state: DeviceState, data: NamedTensors): Promise<Map<string, HostTensor>>;
  /** Frees the compiled program. */
  dispose(): Promise<void>;
}

/** Compiles programs and keeps their state on a device. */
export interface Engine {
  /** What the engine is and what it can do. */
  readonly info: EngineInfo;
  /** Copies the tensors to the device, under their names. */
  createState(tensors: NamedTensors): Promise<DeviceState>;
  /** Throws OutOfMemoryError for a program that cannot fit into the device's memory, before it runs. */
  compile(program: Program, options?: CompileOptions): Promise<Executable>;
  /** Memory that runs of the program will need; undefined if unknown. May compile the program to find out. */
  memoryNeed(program: Program, options?: CompileOptions): Promise<MemoryNeed | undefined>;
  /** Frees the device, its programs and threads. Nothing of the engine can be used afterwards. */
  close(): Promise<void>;
}
