import type { DeitError } from "../../src/errors/errors.js";

export interface FuzzFigures {
  /** Cases that came to an end: those that were read and those that were refused. */
  readonly cases: number;
  readonly read: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** Resident memory above that at the start, at its highest. */
  readonly grownMiB: number;
}

export interface FuzzOptions {
  readonly count: number;
  readonly seed?: number;
  readonly onProgress?: (done: number) => void;
}

export type DeitErrorClass = abstract new (...args: never[]) => DeitError;
