import type { DecodeOptions } from "../../src/data/codec/decode.js";
import type { Dataset, OpenOptions, SampleSource } from "../../src/data/dataset/dataset.js";
import type { RgbImage } from "../../src/data/pixels/image.js";
import type { ReadOptions } from "../../src/data/view/view.js";
import type { DeitErrorClass, FuzzFigures, FuzzOptions } from "./harness.mjs";

export interface DataFuzzFigures extends FuzzFigures {
  readonly perKind: Readonly<Record<string, { readonly read: number; readonly refused: number }>>;
}

export function fuzzData(
  library: {
    readonly openDataset: (path: string, options: OpenOptions) => Promise<Dataset>;
    readonly readSample: (source: SampleSource, options: ReadOptions) => Promise<RgbImage>;
    readonly decodeImage: (bytes: Uint8Array, options: DecodeOptions) => Promise<RgbImage>;
    readonly readMat: (path: string) => Promise<unknown>;
    readonly DeitError: DeitErrorClass;
  },
  options: FuzzOptions,
): Promise<DataFuzzFigures>;
