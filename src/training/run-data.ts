/** The data that a run was, or is, tested on, as its folder tells. */
import type { Dataset, SplitRule } from "../data/dataset.js";
import { openDataset } from "../data/open.js";
import type { RunSummary } from "./run-summary.js";
import { resumedSplit, testData } from "./training-data.js";

/**
 * The test part; undefined when the run was tested on nothing. `moved`: where the data lies now, when no longer where
 * the run found it.
 */
export async function runTestData(
  { folder, manifest }: RunSummary,
  moved?: string,
  signal?: AbortSignal,
): Promise<Dataset | undefined> {
  const { split: share, validation } = manifest;
  const rule: SplitRule | undefined = share === undefined ? undefined : { kind: "hash", share };
  const data = moved ?? manifest.data;
  const split = await resumedSplit(folder, true, rule);
  const { classes } = await openDataset(data, { split: "train", rule: split, signal });
  return testData({ data, validation: moved ? undefined : validation, split, workers: 0 }, classes);
}
