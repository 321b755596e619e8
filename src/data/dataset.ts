/** What training and evaluation read from: samples with labels, wherever they lie. */
import { stat } from "node:fs/promises";
import { UsageError } from "../errors.js";
import { fileError } from "../system/atomic-file.js";
import { openFlatFolder } from "./sources/flat.js";
import { openImageFolder } from "./sources/image-folder.js";
import { proceduralDataset } from "./sources/procedural.js";

/** Where a sample's pixels come from. Plain data, so that it can be sent to a worker thread. */
export type SampleSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "procedural"; readonly size: number; readonly seed: number; readonly label: number };

export interface Dataset {
  readonly name: string;
  /** Class names; a label is an index into them. */
  readonly classes: readonly string[];
  readonly length: number;
  label(index: number): number;
  source(index: number): SampleSource;
  /** Path or other name of a sample, for messages. */
  describe(index: number): string;
}

export interface OpenOptions {
  /** Which part, where the data has parts: "train" or "test" (also found as "val", "valid", "validation"). */
  readonly split: "train" | "test";
  /** Class names in the order of their index; the data's own unless told. */
  readonly classes?: readonly string[];
}

/**
 * Opens a folder of class folders, a folder of files named `CLASS_….jpg`, or `procedural[:SIZE[:COUNT]]`, the built-in
 * data set. A folder with `train/` and `test/` (or `val/`) parts is entered.
 */
export async function openDataset(path: string, options: OpenOptions): Promise<Dataset> {
  if (path === "procedural" || path.startsWith("procedural:")) return openProcedural(path, options);
  const info = await stat(path).catch((error) => {
    throw fileError(path, "read the data in", error);
  });
  if (!info.isDirectory()) throw new UsageError(`"${path}" is a file; give the folder that holds the images.`);
  return (await openImageFolder(path, options)) ?? (await openFlatFolder(path, options));
}

function openProcedural(spec: string, { split }: OpenOptions): Dataset {
  const [, size = "32", count = split === "train" ? "8192" : "1024"] = spec.split(":");
  const [s, n] = [Number(size), Number(count)];
  if (![s, n].every((v) => Number.isInteger(v) && v > 0)) {
    throw new UsageError(
      `"${spec}" is no procedural data set; write procedural, procedural:SIZE or procedural:SIZE:COUNT.`,
    );
  }
  return proceduralDataset({ size: s, count: n, split });
}

/** The samples of `dataset` at `indices`. */
export function subset(dataset: Dataset, indices: readonly number[]): Dataset {
  return {
    name: dataset.name,
    classes: dataset.classes,
    length: indices.length,
    label: (i) => dataset.label(indices[i]),
    source: (i) => dataset.source(indices[i]),
    describe: (i) => dataset.describe(indices[i]),
  };
}
