/** Finds out what a path holds and opens it as a data set. */
import { stat } from "node:fs/promises";
import { UsageError } from "../errors.js";
import { fileError } from "../system/atomic-file.js";
import type { Dataset, OpenOptions } from "./dataset.js";
import { openFlatFolder } from "./sources/flat.js";
import { openImageFolder } from "./sources/image-folder.js";
import { proceduralDataset } from "./sources/procedural.js";

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
