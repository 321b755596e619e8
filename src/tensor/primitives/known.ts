/** Primitives that passes over programs treat specifically, recognised with `applies`. */
import { barrierPrimitive, savedPrimitive } from "./barrier.js";
import { broadcastPrimitive } from "./broadcast.js";
import { castPrimitive } from "./cast.js";
import { reshapePrimitive, transposePrimitive } from "./layout.js";
import { constantPrimitive, inputPrimitive } from "./leaf.js";
import { concatPrimitive, slicePrimitive } from "./slicing.js";

/** By name; a primitive that no pass treats specifically need not be listed. */
export const primitives = {
  /** Keeps what is computed before it apart from what is computed after it. */
  barrier: barrierPrimitive,
  /** Repeats along axes of size 1 and new leading axes. */
  broadcast: broadcastPrimitive,
  /** Converts to another element type. */
  cast: castPrimitive,
  /** Joins tensors along an axis. */
  concat: concatPrimitive,
  /** A small constant. */
  constant: constantPrimitive,
  /** A named input of a program. */
  input: inputPrimitive,
  /** The same elements under a new shape. */
  reshape: reshapePrimitive,
  /** Marks a value that the backward pass reads again. */
  saved: savedPrimitive,
  /** A range of each axis. */
  slice: slicePrimitive,
  /** The axes in another order. */
  transpose: transposePrimitive,
} as const;
