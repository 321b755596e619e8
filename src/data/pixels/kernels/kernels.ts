/** The compiled pixel kernels of this thread and their memory. */

import { copyOfPixels } from "../pixel-memory.js";
import { mapBicubic, mapBilinear, shiftLines } from "./affine.js";
import { lookUp, saturate, sharpen } from "./color.js";
import { dropFourth, triple, unfilter } from "./png.js";
import { horizontalPass, verticalPass } from "./resample.js";
import { compileWasm } from "./wasm.js";

const pageBytes = 65_536;
/** Kernels read and write whole vectors, and so slightly past the end of their arrays. */
const slack = 16;

/**
 * Memory for one call at a time: each begins with `start`, places its arrays, runs kernels and copies the result out.
 * Nothing outlives a call, and calls are synchronous, so one per thread suffices.
 */
class Workspace {
  readonly #memory = new WebAssembly.Memory({ initial: 64 });
  readonly run = compileWasm(
    {
      ...{ horizontalPass, verticalPass, shiftLines, mapBicubic, mapBilinear },
      ...{ saturate, sharpen, lookUp },
      ...{ unfilter, triple, dropFourth },
    },
    this.#memory,
  );
  #end = 0;

  start(): this {
    this.#end = 0;
    return this;
  }

  /** Address of `bytes` free bytes. Invalidates earlier views of the memory. */
  reserve(bytes: number): number {
    const address = this.#end;
    this.#end = (address + bytes + slack + 7) & ~7;
    const missing = this.#end - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes));
    return address;
  }

  /** Address of a copy of `values`. */
  place(values: Int32Array | Float64Array): number {
    const address = this.reserve(values.byteLength);
    const { buffer } = this.#memory;
    if (values instanceof Int32Array) new Int32Array(buffer, address, values.length).set(values);
    else new Float64Array(buffer, address, values.length).set(values);
    return address;
  }

  placeBytes(values: Uint8Array | Uint8ClampedArray): number {
    const address = this.reserve(values.length);
    this.bytes().set(values, address);
    return address;
  }

  /** A copy of a kernel's result. */
  result(address: number, bytes: number): Uint8Array<ArrayBuffer> {
    return copyOfPixels(this.bytes().subarray(address, address + bytes));
  }

  /** The current memory. */
  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer);
  }
}

let workspace: Workspace | undefined;

/** The workspace of this thread, reset. */
export function kernels(): Workspace {
  workspace ??= new Workspace();
  return workspace.start();
}
