import type { DeitError } from "../../src/errors.js";
import type { LoadedWeights } from "../../src/weights/load.js";

export interface FuzzFigures {
  /** Cases that were read to an end: those that gave tensors and those that were refused. */
  readonly cases: number;
  readonly tensors: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** Resident memory above that at the start, at its highest. */
  readonly grownMiB: number;
}

export function fuzzWeights(
  readers: {
    readonly loadWeights: (path: string) => Promise<LoadedWeights>;
    readonly DeitError: abstract new (...args: never[]) => DeitError;
  },
  options: { readonly count: number; readonly seed?: number; readonly onProgress?: (done: number) => void },
): Promise<FuzzFigures>;
