/**
 * A run as shown on a page: the contents of its folder, its model's predictions, and a name short enough for curves.
 */
import { basename, resolve } from "node:path";
import type { RunSummary } from "../training/run-folder/summary.js";
import type { RunInspection } from "./run-inspection.js";

/** A run as shown on the page. */
export interface ReportedRun {
  readonly run: RunSummary;
  /** Undefined if its model could not be inspected, with the reason. */
  readonly inspection?: RunInspection;
  readonly notInspected?: string;
}

/** A run with its name on the page. */
export interface LabelledRun extends ReportedRun {
  readonly label: string;
}

/** Names longer than this would leave no room for the curves. */
const longestLabel = 14;

/** The names of the folders if they are short and distinct, otherwise letters. */
export function labelled(runs: readonly ReportedRun[]): LabelledRun[] {
  const names = runs.map(({ run }) => basename(resolve(run.folder)));
  const fit = new Set(names).size === names.length && names.every((n) => n.length <= longestLabel);
  return runs.map((each, i) => ({ ...each, label: fit || runs.length === 1 ? names[i] : letters(i) }));
}

/** A, B … Z, AA, AB … */
function letters(i: number): string {
  return (i < 26 ? "" : letters(Math.floor(i / 26) - 1)) + String.fromCharCode(65 + (i % 26));
}
