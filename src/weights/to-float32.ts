/** Floating formats of files as float32. */
import type { HostTensor } from "../tensor/index.js";

/** Floats as float32; integers and booleans stay what they are. */
export function toFloat32(t: HostTensor): HostTensor {
  switch (t.dtype) {
    case "float64":
      return { ...t, dtype: "float32", data: Float32Array.from(t.data as Float64Array) };
    case "bfloat16":
      return { ...t, dtype: "float32", data: fromBfloat16(t.data as Uint16Array) };
    case "float16":
      return { ...t, dtype: "float32", data: Float32Array.from(t.data as Uint16Array, fromFloat16) };
    default:
      return t;
  }
}

/** The upper half of a float32. */
function fromBfloat16(bits: Uint16Array): Float32Array {
  const words = Uint32Array.from(bits, (b) => b << 16);
  return new Float32Array(words.buffer);
}

function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
