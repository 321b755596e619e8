/** Element types of tensors, on the host and in programs. */
import { ShapeError } from "../errors/errors.js";

/** Type of a tensor's elements. */
export type DType =
  | "float64"
  | "float32"
  | "float16"
  | "bfloat16"
  | "int64"
  | "int32"
  | "uint32"
  | "int16"
  | "int8"
  | "uint8"
  | "bool";

/** Storage of host tensors. float16 and bfloat16 are stored as their bits, bool as bytes 0 and 1. */
export type TypedArray =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

const arrays = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Bytes of one element. */
export function byteSize(dtype: DType): number {
  return arrays[dtype].BYTES_PER_ELEMENT;
}

/** Whether elements are floating-point numbers. */
export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "bfloat16" || dtype === "float64" || dtype === "float16";
}

/** A zeroed array of `length` elements. */
export function allocate(dtype: DType, length: number): TypedArray {
  return new arrays[dtype](length);
}

/** A view of `length` elements over `buffer`; `byteOffset` must be aligned to the element size. */
export function viewOf(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray {
  if (byteOffset % byteSize(dtype) !== 0) {
    throw new ShapeError(`A ${dtype} view needs an offset divisible by ${byteSize(dtype)}, but ${byteOffset} is not.`);
  }
  return new arrays[dtype](buffer as ArrayBuffer, byteOffset, length);
}
