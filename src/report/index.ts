/**
 * Reports on runs, as `deit report` writes them.
 * @module deit/report
 */

export { type ReportOptions, type RunOnReport, type WrittenReport, writeReport } from "./write-report.js";
