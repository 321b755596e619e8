/** A client: the devices of a plugin and the programs on them. */
import type { KeyValueStore } from "../../../cluster/process-group.js";
import type { HostTensor } from "../../../tensor/host.js";
import { pjrtEnums } from "../pjrt-api.generated.js";
import { bufferTypes, DeviceBuffer } from "./buffer.js";
import { encodeCompileOptions, type PjrtCompileOptions } from "./compile-options.js";
import { Device } from "./device.js";
import { LoadedExecutable } from "./executable.js";
import { Handle } from "./handle.js";
import { KeyValueCallbacks } from "./key-value.js";
import { PjrtLibrary } from "./library.js";
import { encodeNamedValues, type NamedValue } from "./named-values.js";
import { readPointers, Struct } from "./struct.js";

/** Options of a plugin's client; the plugin rejects those it does not know. */
export type ClientOptions = Readonly<Record<string, NamedValue>>;

/** A tensor on its way to a device: the host's memory must not change before `done`. */
export interface Upload {
  readonly buffer: DeviceBuffer;
  /** What is copied: must live, and not change, until `done`. */
  readonly data: HostTensor["data"];
  readonly done: Handle;
}

export class PjrtClient {
  /** Devices that this process can use. */
  readonly devices: readonly Device[];
  /** Devices of all processes, in the order of the processes and of their numbers. */
  readonly allDevices: readonly Device[];
  /** "cpu", "cuda", "rocm", "tpu", … */
  readonly platform: string;
  readonly platformVersion: string;
  readonly #handle: Handle;

  /**
   * Creates a client of the plugin at `path`, for example with `{ cpu_device_count: 4 }`. Clients of several processes
   * find each other through `store`; `options` must then include the plugin's options for their count and index.
   */
  static async create(path: string, options: ClientOptions = {}, store?: KeyValueStore): Promise<PjrtClient> {
    const library = PjrtLibrary.open(path);
    const { array, kept } = encodeNamedValues(options);
    const args = new Struct("Client_Create_Args", { create_options: array, num_options: kept.length }).keep(...kept);
    const callbacks = store && (await KeyValueCallbacks.start(store));
    if (callbacks) {
      args.set("kv_get_callback", callbacks.address("get"));
      args.set("kv_put_callback", callbacks.address("put"));
      args.set("kv_try_get_callback", callbacks.address("tryGet"));
    }
    try {
      await library.callAsync("Client_Create", args, `opening the devices of the plugin "${path}"`);
    } catch (error) {
      await callbacks?.close();
      throw error;
    }
    return new PjrtClient(library, new Handle(library, "client", args.pointer("client")), callbacks);
  }

  private constructor(
    readonly library: PjrtLibrary,
    handle: Handle,
    private readonly callbacks: KeyValueCallbacks | undefined,
  ) {
    this.#handle = handle;
    const client = handle.pointer;
    const doing = "looking for devices";
    const list = library.call(
      "Client_AddressableDevices",
      new Struct("Client_AddressableDevices_Args", { client }),
      doing,
    );
    this.devices = readPointers(list.pointer("addressable_devices"), list.number("num_addressable_devices")).map(
      (pointer) => new Device(library, pointer),
    );
    const all = library.call("Client_Devices", new Struct("Client_Devices_Args", { client }), doing);
    this.allDevices = readPointers(all.pointer("devices"), all.number("num_devices"))
      .map((pointer) => new Device(library, pointer))
      .sort((a, b) => a.processIndex - b.processIndex || a.id - b.id);
    this.platform = library
      .call("Client_PlatformName", new Struct("Client_PlatformName_Args", { client }), doing)
      .string("platform_name", "platform_name_size");
    this.platformVersion = library
      .call("Client_PlatformVersion", new Struct("Client_PlatformVersion_Args", { client }), doing)
      .string("platform_version", "platform_version_size");
  }

  /** Compiles StableHLO text. `name` is used in errors. */
  async compile(name: string, stablehlo: string, options: PjrtCompileOptions = {}): Promise<LoadedExecutable> {
    const code = Buffer.from(stablehlo);
    const format = Buffer.from("mlir");
    const encoded = encodeCompileOptions(options);
    const args = new Struct("Client_Compile_Args", {
      client: this.#handle.pointer,
      program: new Struct("Program", { code, code_size: code.length, format, format_size: format.length }),
      compile_options: encoded,
      compile_options_size: encoded.length,
    });
    await this.library.callAsync("Client_Compile", args, `compiling program "${name}"`);
    return new LoadedExecutable(this.library, args.pointer("executable"), name);
  }

  /** Loads the result of `serialize`. The bytes must come from this plugin, which does not check them. */
  async deserialize(name: string, bytes: Uint8Array): Promise<LoadedExecutable> {
    const args = new Struct("Executable_DeserializeAndLoad_Args", {
      client: this.#handle.pointer,
      serialized_executable: bytes,
      serialized_executable_size: bytes.length,
    });
    await this.library.callAsync("Executable_DeserializeAndLoad", args, `loading the compiled program "${name}"`);
    return new LoadedExecutable(this.library, args.pointer("loaded_executable"), name);
  }

  /** Starts the copy of a tensor to a device. */
  upload(tensor: HostTensor, device: Device, doing = "copying a tensor to the device"): Upload {
    const dims = BigInt64Array.from(tensor.shape, BigInt);
    const args = new Struct("Client_BufferFromHostBuffer_Args", {
      client: this.#handle.pointer,
      data: tensor.data,
      type: bufferTypes[tensor.dtype],
      dims,
      num_dims: dims.length,
      host_buffer_semantics: pjrtEnums.HostBufferSemantics.ImmutableUntilTransferCompletes,
      device: device.pointer,
    });
    this.library.call("Client_BufferFromHostBuffer", args, doing);
    return {
      buffer: new DeviceBuffer(this.library, args.pointer("buffer"), tensor.dtype, tensor.shape),
      data: tensor.data,
      done: new Handle(this.library, "event", args.pointer("done_with_host_buffer")),
    };
  }

  /** Closes the client. Buffers and programs must be freed first. */
  async close(): Promise<void> {
    this.#handle.destroy();
    await this.callbacks?.close();
  }
}
