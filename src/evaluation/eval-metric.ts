/** The measures of an evaluation that can decide on the best epoch. */
import type { EvaluationResult } from "./metrics.js";

/** A measure by its name in recipes. */
export type EvalMetric = "top1" | "top5" | "meanClassTop1" | "map" | "loss";
export const evalMetrics = ["top1", "top5", "meanClassTop1", "map", "loss"] as const satisfies readonly EvalMetric[];

/** Whether lower values are better. */
export const lowerIsBetter = (metric: EvalMetric): boolean => metric === "loss";

/** Its value in a result; NaN if it was not measured. */
export const measureOf = (result: EvaluationResult, metric: EvalMetric): number => result[metric] ?? Number.NaN;

/** A number by which epochs are ranked: more is better. */
export const scoreOf = (result: EvaluationResult, metric: EvalMetric): number =>
  lowerIsBetter(metric) ? -measureOf(result, metric) : measureOf(result, metric);

/** The measure that says most: mAP of several labels, otherwise top-1. */
export const usualMetric = ({ map }: Pick<EvaluationResult, "map">): EvalMetric => (map === undefined ? "top1" : "map");

const names: Readonly<Record<EvalMetric, string>> = {
  ...{ top1: "top-1", top5: "top-5", meanClassTop1: "mean class top-1", map: "mAP", loss: "loss" },
};

/** A measure of a result in words, such as "top-1 81.25 %". */
function measureText(result: EvaluationResult, metric: EvalMetric): string {
  const value = measureOf(result, metric);
  return `${names[metric]} ${metric === "loss" ? value.toFixed(4) : `${value.toFixed(2)} %`}`;
}

/** The usual measure of a result, and the one that decides if it is another. */
export function decidingText(result: EvaluationResult, metric: EvalMetric): string {
  const usual = usualMetric(result);
  return [usual, ...(metric === usual ? [] : [metric])].map((each) => measureText(result, each)).join(", ");
}
