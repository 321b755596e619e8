/**
 * Reports on runs, as `deit report` writes them.
 * @module deit/report
 */

// The page of one run or several.

export { type ReportOptions, type WrittenReport, writeReport } from "./write-report.js";

// What it shows.

export type { ReportedRun } from "./reported-run.js";
export type { Example, RunInspection } from "./run-inspection.js";
