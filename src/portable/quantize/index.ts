/** Number formats by name: one file and one line each. */
import { float16 } from "./float16.js";
import { int4 } from "./int4.js";
import { int8 } from "./int8.js";
import { int8Static } from "./int8-static.js";
import type { Quantization } from "./quantization.js";

/** Name of a number format. */
export type QuantizationName = "float16" | "int8" | "int8-static" | "int4";

export const quantizations: Readonly<Record<QuantizationName, Quantization>> = {
  float16,
  int8,
  "int8-static": int8Static,
  int4,
};

/** Names of all number formats besides float32. */
export const quantizationNames = Object.keys(quantizations) as readonly QuantizationName[];
