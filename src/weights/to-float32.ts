/** Floating formats of files as float32. */
import type { HostTensor } from "../tensor/index.js";

/** Floats as float32; integers and booleans stay what they are. */
export function toFloat32(t: HostTensor): HostTensor {
  switch (t.dtype) {
    case "float64":
      return { ...t, dtype: "float32", data: new Float32Array(t.data as Float64Array) };
    case "bfloat16":
      return { ...t, dtype: "float32", data: fromBfloat16(t.data as Uint16Array) };
    case "float16":
      return { ...t, dtype: "float32", data: fromFloat16(t.data as Uint16Array) };
    default:
      return t;
  }
}

/** The upper half of a float32. */
function fromBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}

/** By a table of all 65,536 values where there are more elements than that. */
function fromFloat16(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  if (bits.length < 65_536) for (let i = 0; i < bits.length; i++) out[i] = float16Value(bits[i]);
  else {
    const table = Float32Array.from({ length: 65_536 }, (_, i) => float16Value(i));
    for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]];
  }
  return out;
}

function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
