/** Primitives that passes over programs treat specifically, recognised with `applies`. */
import { barrierPrimitive, savedPrimitive } from "./barrier.js";
import { broadcastPrimitive } from "./broadcast.js";
import { castPrimitive } from "./cast.js";
import { reshapePrimitive, transposePrimitive } from "./layout.js";
import { constantPrimitive, inputPrimitive } from "./leaf.js";
import { concatPrimitive, slicePrimitive } from "./slicing.js";

/** By name; a primitive that no pass treats specifically need not be listed. */
export const primitives = {
  barrier: barrierPrimitive,
  broadcast: broadcastPrimitive,
  cast: castPrimitive,
  concat: concatPrimitive,
  constant: constantPrimitive,
  input: inputPrimitive,
  reshape: reshapePrimitive,
  saved: savedPrimitive,
  slice: slicePrimitive,
  transpose: transposePrimitive,
} as const;
