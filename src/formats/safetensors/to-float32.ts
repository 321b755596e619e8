/** Conversion of files' floating-point formats to float32. */
import type { HostTensor } from "../../tensor/index.js";

/** Converts floats to float32; integers and booleans are unchanged. */
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

/** Moves the exponent and fraction bits to their places; the few subnormal values are converted by arithmetic. */
function fromFloat16(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  const words = new Uint32Array(out.buffer);
  for (let i = 0; i < bits.length; i++) {
    const sign = bits[i] & 0x8000;
    const rest = bits[i] & 0x7fff;
    if (rest >= 0x7c00) words[i] = (sign << 16) | 0x7f800000 | ((rest & 0x3ff) << 13);
    else if (rest >= 0x400) words[i] = (sign << 16) | ((rest << 13) + ((127 - 15) << 23));
    else out[i] = (sign ? -1 : 1) * rest * 2 ** -24;
  }
  return out;
}
