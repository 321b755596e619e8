/** The memory of this machine, or of the part of it that the process may use. */
import { freemem, totalmem } from "node:os";

export interface HostMemory {
  /** Bytes that the process could ever have. */
  readonly limit: number;
  /** Bytes that nobody holds now. */
  readonly free: number;
}

export function hostMemory(): HostMemory {
  const constrained = process.constrainedMemory() ?? 0;
  const limit = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { limit, free: Math.min(limit, freemem()) };
}
