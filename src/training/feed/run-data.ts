/** The data that a run was, or is, measured on, as its folder tells. */

import type { Dataset, SplitRule } from "../../data/dataset/dataset.js";
import type { OnOpening } from "../../data/dataset/opening.js";
import { openDataset } from "../../data/sources/open.js";
import type { RunSummary } from "../run-folder/summary.js";
import type { DataPlace } from "./data-place.js";
import { measuredData } from "./measured-data.js";
import { resumedSplit } from "./training-data.js";

/**
 * The test part or, if there is none, the validation part; undefined if the run had no evaluation. `moved`: the new
 * location of the data, if it has been moved; or a dataset that is already open, of which the run's share for testing is
 * taken, or all of it if the run held none out.
 */
export async function runTestData(
  { folder, manifest }: RunSummary,
  moved?: DataPlace,
  signal?: AbortSignal,
  onProgress?: OnOpening,
): Promise<Dataset | undefined> {
  const { split: share } = manifest;
  const rule: SplitRule | undefined = share === undefined ? undefined : { kind: "hash", share };
  const data = moved ?? manifest.data;
  const split = await resumedSplit(folder, true, rule);
  if (typeof data !== "string" && (split === undefined || split.kind === "given")) return data;
  const { classes } =
    typeof data === "string" ? await openDataset(data, { split: "train", rule: split, signal, onProgress }) : data;
  const { validation, test } = moved ? {} : manifest;
  const measured = await measuredData({ data, validation, test, split }, classes);
  return measured.final ?? measured.test;
}
