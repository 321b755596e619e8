/** The results of a sweep as rows: mean and standard deviation over the seeds, for each head. */
import { RunningMean } from "../evaluation/running-mean.js";
import type { Head } from "../models/context.js";
import type { CellResult } from "../training/study/sweep.js";
import type { Chart } from "./plot.js";

export interface SweepRow {
  readonly row: string;
  /** The head that predicts; absent for models with only one. */
  readonly head?: Head;
  /** Percent: mean over the finished seeds, and standard deviation (n − 1). NaN if none has finished. */
  readonly top1: number;
  readonly top1Deviation: number;
  readonly top5: number;
  readonly top5Deviation: number;
  /** Of images with several labels: mean average precision, in percent as well. */
  readonly map?: number;
  readonly mapDeviation?: number;
  readonly seeds: number;
  /** Folds of cross-validation among them. */
  readonly folds?: number;
  readonly failed: number;
  readonly missing: number;
}

const headOrder: readonly Head[] = ["class", "distillation", "both"];

/** A row per name, or one per head for models with a distillation token, as in table 3 of the paper. */
export function sweepRows(results: readonly CellResult[]): SweepRow[] {
  const names = [...new Set(results.map((r) => r.cell.row))];
  return names.flatMap((row) => {
    const folds = new Set(results.flatMap(({ cell }) => (cell.row === row && cell.fold ? [cell.fold] : []))).size;
    const outcomes = results.filter((r) => r.cell.row === row).map((r) => r.outcome);
    const done = outcomes.flatMap((o) => (o.kind === "done" ? [o.heads] : []));
    const count = (kind: string) => outcomes.filter((o) => o.kind === kind).length;
    const heads = headOrder.filter((head) => done.some((d) => d[head]));
    return (heads.length === 0 ? (["both"] as const) : heads).map((head) => {
      const [top1, top5, map] = [new RunningMean(), new RunningMean(), new RunningMean()];
      for (const each of done) {
        const result = each[head];
        if (!result) continue;
        top1.add(result.top1);
        top5.add(result.top5);
        if (result.map !== undefined) map.add(result.map);
      }
      const several = done.some((each) => each[head]?.map !== undefined);
      return {
        ...{ row, ...(heads.length > 1 ? { head } : {}) },
        ...{ top1: top1.mean, top1Deviation: top1.deviation, top5: top5.mean, top5Deviation: top5.deviation },
        ...(several ? { map: map.mean, mapDeviation: map.deviation } : {}),
        ...(folds > 0 ? { folds } : {}),
        ...{ seeds: done.length, failed: count("failed"), missing: count("missing") },
      };
    });
  });
}

/** Whether images have several labels, which mAP measures. */
const isSeveral = (rows: readonly SweepRow[]): boolean => rows.some(({ map }) => map !== undefined);

/** The figure that a row is compared by, in percent. */
const compared = ({ map, mapDeviation = 0, top1, top1Deviation }: SweepRow) =>
  map === undefined ? { value: top1, deviation: top1Deviation } : { value: map, deviation: mapDeviation };

/** The header of the table. */
export const sweepHead = (rows: readonly SweepRow[]): readonly string[] => [
  ...["", ...(isSeveral(rows) ? ["mAP (%)"] : ["top-1 (%)", "top-5 (%)"])],
  rows.some(({ folds }) => folds) ? "runs" : "seeds",
];

/** Cells of a table with the header `sweepHead`. */
export function sweepCells(rows: readonly SweepRow[]): string[][] {
  return rows.map((r) => [
    nameOf(r),
    figure(compared(r).value, compared(r).deviation, r.seeds),
    ...(isSeveral(rows) ? [] : [figure(r.top5, r.top5Deviation, r.seeds)]),
    [String(r.seeds), ...(r.failed ? [`${r.failed} failed`] : []), ...(r.missing ? [`${r.missing} missing`] : [])].join(
      ", ",
    ),
  ]);
}

const nameOf = ({ row, head }: SweepRow): string =>
  head ? `${row}: ${head === "both" ? "both heads" : `${head} head`}` : row;

const figure = (mean: number, deviation: number, seeds: number): string =>
  seeds === 0 ? "–" : `${mean.toFixed(2)}${seeds > 1 ? ` ± ${deviation.toFixed(2)}` : ""}`;

/** Bars of top-1, or of mAP; the axis begins slightly below the lowest. */
export function sweepChart(title: string, rows: readonly SweepRow[]): Chart {
  const values = rows.filter((r) => r.seeds > 0).map(compared);
  const low = Math.min(...values.map((r) => r.value - r.deviation));
  const high = Math.max(...values.map((r) => r.value + r.deviation));
  const step = 5;
  const start = Math.max(0, Math.floor((low - (high - low) * 0.2) / step) * step);
  const seeds = Math.max(0, ...rows.map((r) => r.seeds));
  const folds = Math.max(0, ...rows.map((r) => r.folds ?? 0));
  return {
    kind: "bars",
    title,
    note: `Last epoch; ${seeds > 1 ? `mean of ${seeds} ${folds > 0 ? `runs on ${folds} folds` : "seeds"} ± one standard deviation` : folds > 0 ? "one run" : "one seed"}`,
    x: {
      label: isSeveral(rows) ? "mAP (%)" : "top-1 (%)",
      ...(values.length > 0 ? { domain: [start, Math.max(start + step, Math.ceil(high / step) * step)] } : {}),
    },
    bars: rows.map((r) => ({
      label: nameOf(r),
      value: compared(r).value,
      ...(r.seeds > 1 ? { deviation: compared(r).deviation } : {}),
      group: r.head ? "head" : "model",
    })),
  };
}
