/** Tensors in the memory of a device. */
import { allocate, type DType } from "../../../tensor/dtype.js";
import { type HostTensor, type Shape, sizeOf } from "../../../tensor/host.js";
import { pjrtEnums } from "../pjrt-api.generated.js";
import { Handle, settle } from "./handle.js";
import type { PjrtLibrary } from "./library.js";
import { type Pointer, Struct } from "./struct.js";

const types = pjrtEnums.Buffer_Type;

/** PJRT's number for a dtype. */
export const bufferTypes: Readonly<Record<DType, number>> = {
  float64: types.F64,
  float32: types.F32,
  float16: types.F16,
  bfloat16: types.BF16,
  int64: types.S64,
  int32: types.S32,
  uint32: types.U32,
  int16: types.S16,
  int8: types.S8,
  uint8: types.U8,
  bool: types.PRED,
};

/** One device's tensor. Its value may not be available yet; operations that use it wait for it. */
export class DeviceBuffer {
  readonly handle: Handle;

  constructor(
    readonly library: PjrtLibrary,
    pointer: Pointer,
    readonly dtype: DType,
    readonly shape: Shape,
  ) {
    this.handle = new Handle(library, "buffer", pointer);
  }

  /** Starts a copy to the host; it is complete when the event `done` is ready. */
  startCopy(doing: string): { readonly tensor: HostTensor; readonly done: Handle } {
    const data = allocate(this.dtype, sizeOf(this.shape));
    const args = new Struct("Buffer_ToHostBuffer_Args", {
      src: this.handle.pointer,
      dst: data,
      dst_size: data.byteLength,
    });
    this.library.call("Buffer_ToHostBuffer", args, doing);
    return {
      tensor: { dtype: this.dtype, shape: this.shape, data },
      done: new Handle(this.library, "event", args.pointer("event")),
    };
  }

  /** A copy on the host, made as soon as the value is available. */
  async toHost(doing = "reading a tensor from the device"): Promise<HostTensor> {
    const { tensor, done } = this.startCopy(doing);
    await settle(done, doing);
    return tensor;
  }

  /** Bytes the tensor occupies on its device. */
  get deviceBytes(): number {
    return this.library
      .call(
        "Buffer_OnDeviceSizeInBytes",
        new Struct("Buffer_OnDeviceSizeInBytes_Args", { buffer: this.handle.pointer }),
        "asking for the size of a tensor",
      )
      .number("on_device_size_in_bytes");
  }

  /** Whether its memory was donated to a program's output or freed. */
  get isDeleted(): boolean {
    return this.library
      .call(
        "Buffer_IsDeleted",
        new Struct("Buffer_IsDeleted_Args", { buffer: this.handle.pointer }),
        "looking at a tensor",
      )
      .flag("is_deleted");
  }

  destroy(): void {
    this.handle.destroy();
  }
}
