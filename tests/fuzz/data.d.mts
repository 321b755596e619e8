import type { Dataset, OpenOptions, SampleSource } from "../../src/data/dataset.js";
import type { DecodeOptions } from "../../src/data/decode.js";
import type { RgbImage } from "../../src/data/image.js";
import type { DeitError } from "../../src/errors.js";

export interface DataFuzzFigures {
  readonly cases: number;
  readonly read: number;
  readonly refused: number;
  readonly slowestMs: number;
  /** Resident memory above that at the start, at its highest. */
  readonly grownMiB: number;
  readonly perKind: Readonly<Record<string, { readonly read: number; readonly refused: number }>>;
}

export function fuzzData(
  library: {
    readonly openDataset: (path: string, options: OpenOptions) => Promise<Dataset>;
    readonly readSample: (
      source: SampleSource,
      options: { jpeg: "exact" | "fast"; maxPixels?: number },
    ) => Promise<RgbImage>;
    readonly decodeImage: (bytes: Uint8Array, options: DecodeOptions) => Promise<RgbImage>;
    readonly readMat: (path: string) => Promise<unknown>;
    readonly DeitError: abstract new (...args: never[]) => DeitError;
  },
  options: { readonly count: number; readonly seed?: number; readonly onProgress?: (done: number) => void },
): Promise<DataFuzzFigures>;
