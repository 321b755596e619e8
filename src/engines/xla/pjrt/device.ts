/** A device of a client: what it is and how much of its memory is used. */

import type { PjrtLibrary } from "./library.js";
import { PjrtError } from "./library.js";
import type { NamedValue } from "./named-values.js";
import { decodeNamedValues } from "./named-values.js";
import { type Pointer, Struct } from "./struct.js";

export interface DeviceMemory {
  readonly bytesInUse: number;
  readonly peakBytesInUse?: number;
  /** The most that the allocator may hand out. */
  readonly bytesLimit?: number;
}

/** Lives as long as its client. */
export class Device {
  readonly id: number;
  /** "cpu", "NVIDIA H100 80GB HBM3", … */
  readonly kind: string;
  readonly processIndex: number;
  readonly #description: Pointer;

  constructor(
    private readonly library: PjrtLibrary,
    readonly pointer: Pointer,
  ) {
    const doing = "reading a device's description";
    this.#description = library
      .call("Device_GetDescription", new Struct("Device_GetDescription_Args", { device: pointer }), doing)
      .pointer("device_description");
    const device_description = this.#description;
    this.id = library
      .call("DeviceDescription_Id", new Struct("DeviceDescription_Id_Args", { device_description }), doing)
      .number("id");
    this.kind = library
      .call("DeviceDescription_Kind", new Struct("DeviceDescription_Kind_Args", { device_description }), doing)
      .string("device_kind", "device_kind_size");
    this.processIndex = library
      .call(
        "DeviceDescription_ProcessIndex",
        new Struct("DeviceDescription_ProcessIndex_Args", { device_description }),
        doing,
      )
      .number("process_index");
  }

  /** Such as `compute_capability` and `core_count` of a GPU. */
  attributes(): Map<string, NamedValue> {
    const args = this.library.call(
      "DeviceDescription_Attributes",
      new Struct("DeviceDescription_Attributes_Args", { device_description: this.#description }),
      "reading a device's attributes",
    );
    return decodeNamedValues(args.pointer("attributes"), args.number("num_attributes"));
  }

  /** Undefined if the plugin does not report it, as on the CPU. */
  memory(): DeviceMemory | undefined {
    const args = new Struct("Device_MemoryStats_Args", { device: this.pointer });
    try {
      this.library.call("Device_MemoryStats", args, "reading a device's memory statistics");
    } catch (error) {
      if (error instanceof PjrtError && error.code === "UNIMPLEMENTED") return undefined;
      throw error;
    }
    return {
      bytesInUse: args.number("bytes_in_use"),
      peakBytesInUse: args.flag("peak_bytes_in_use_is_set") ? args.number("peak_bytes_in_use") : undefined,
      bytesLimit: args.flag("bytes_limit_is_set") ? args.number("bytes_limit") : undefined,
    };
  }
}
