/** The memory of this machine, or of the part of it that the process may use. */
import { freemem, totalmem } from "node:os";

export interface HostMemory {
  /** The most bytes that the process could have. */
  readonly limit: number;
  /** Bytes that are free now. */
  readonly free: number;
}

export function hostMemory(): HostMemory {
  const constrained = process.constrainedMemory() ?? 0;
  const limit = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { limit, free: Math.min(limit, freemem()) };
}
