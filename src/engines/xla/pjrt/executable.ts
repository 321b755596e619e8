/** A compiled program on its devices. */
import koffi from "koffi";
import type { DeviceBuffer } from "./buffer.js";
import { Handle } from "./handle.js";
import { PjrtError, type PjrtLibrary } from "./library.js";
import { decodeNamedValues, type NamedValue } from "./named-values.js";
import { type Pointer, pointerArray, readBytes, Struct } from "./struct.js";

/** Memory that a run needs on each device, from the compiler. */
export interface CompiledMemory {
  readonly argumentBytes: number;
  readonly outputBytes: number;
  /** Arguments whose memory is reused for outputs. */
  readonly aliasBytes: number;
  readonly temporaryBytes: number;
  readonly codeBytes: number;
}

export interface Execution {
  /** Raw output buffers, device by device. */
  readonly outputs: readonly (readonly Pointer[])[];
  /** One event per device, ready when its part is complete. */
  readonly done: readonly Handle[];
}

export class LoadedExecutable {
  readonly #loaded: Handle;
  readonly #executable: Handle;
  readonly outputCount: number;

  constructor(
    private readonly library: PjrtLibrary,
    pointer: Pointer,
    readonly name: string,
  ) {
    this.#loaded = new Handle(library, "loaded executable", pointer);
    const args = library.call(
      "LoadedExecutable_GetExecutable",
      new Struct("LoadedExecutable_GetExecutable_Args", { loaded_executable: pointer }),
      `looking at program "${name}"`,
    );
    this.#executable = new Handle(library, "executable", args.pointer("executable"));
    this.outputCount = library
      .call(
        "Executable_NumOutputs",
        new Struct("Executable_NumOutputs_Args", { executable: this.#executable.pointer }),
        name,
      )
      .number("num_outputs");
  }

  /**
   * Starts a run. `inputs` are buffers per device, in the order of the program's arguments. Inputs that the program
   * aliases to outputs are consumed, but still have to be destroyed.
   */
  async execute(inputs: readonly (readonly DeviceBuffer[])[]): Promise<Execution> {
    const lists = inputs.map((list) => pointerArray(list.map((buffer) => buffer.handle.pointer)));
    const outputs = inputs.map(() => new BigUint64Array(this.outputCount));
    const events = new BigUint64Array(inputs.length);
    const args = new Struct("LoadedExecutable_Execute_Args", {
      executable: this.#loaded.pointer,
      options: new Struct("ExecuteOptions"),
      argument_lists: lists,
      num_devices: inputs.length,
      num_args: lists[0].length,
      output_lists: outputs,
      device_complete_events: events,
    });
    // The CPU plugin may run the whole program inside this call.
    await this.library.callAsync("LoadedExecutable_Execute", args, `running program "${this.name}"`);
    return {
      outputs: outputs.map((list) => [...list]),
      done: Array.from(events, (event) => new Handle(this.library, "event", event)),
    };
  }

  /** Undefined if the plugin does not report it. */
  memory(): CompiledMemory | undefined {
    if (!this.library.has("Executable_GetCompiledMemoryStats")) return undefined;
    const args = new Struct("Executable_GetCompiledMemoryStats_Args", { executable: this.#executable.pointer });
    return this.#optional(() => {
      this.library.call(
        "Executable_GetCompiledMemoryStats",
        args,
        `reading the memory needs of program "${this.name}"`,
      );
      return {
        argumentBytes: args.number("argument_size_in_bytes"),
        outputBytes: args.number("output_size_in_bytes"),
        aliasBytes: args.number("alias_size_in_bytes"),
        temporaryBytes: args.number("temp_size_in_bytes"),
        codeBytes: args.number("generated_code_size_in_bytes"),
      };
    });
  }

  /** The compiler's own estimates, such as `flops` and `bytes accessed`. Undefined if the plugin has none. */
  cost(): Map<string, NamedValue> | undefined {
    const args = new Struct("Executable_GetCostAnalysis_Args", { executable: this.#executable.pointer });
    return this.#optional(() => {
      this.library.call("Executable_GetCostAnalysis", args, `reading the cost of program "${this.name}"`);
      return decodeNamedValues(args.pointer("properties"), args.number("num_properties"));
    });
  }

  /** The program after optimization, in the plugin's format (usually "hlo_with_config", a protocol buffer). */
  optimizedProgram(): { readonly format: string; readonly code: Uint8Array } {
    const doing = `reading the optimized form of program "${this.name}"`;
    const program = new Struct("Program");
    const args = new Struct("Executable_OptimizedProgram_Args", { executable: this.#executable.pointer, program });
    this.library.call("Executable_OptimizedProgram", args, doing);
    const code = new Uint8Array(program.number("code_size"));
    program.set("code", code);
    this.library.call("Executable_OptimizedProgram", args, doing);
    return { format: program.string("format", "format_size"), code };
  }

  /** Bytes that the same plugin on the same machine can load again. */
  async serialize(): Promise<Uint8Array> {
    const args = new Struct("Executable_Serialize_Args", { executable: this.#executable.pointer });
    await this.library.callAsync("Executable_Serialize", args, `saving the compiled program "${this.name}"`);
    const bytes = readBytes(args.pointer("serialized_bytes"), args.number("serialized_bytes_size"));
    const free = koffi.decode(args.pointer("serialized_executable_deleter"), koffi.proto("void", ["void *"]));
    free(args.pointer("serialized_executable"));
    return bytes;
  }

  destroy(): void {
    this.#executable.destroy();
    this.#loaded.destroy();
  }

  #optional<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (error instanceof PjrtError && error.code === "UNIMPLEMENTED") return undefined;
      throw error;
    }
  }
}
