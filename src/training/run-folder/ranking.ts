/** How a run's evaluations decide which weights are kept, and whether it goes on. */
import type { EvalMetric } from "../../evaluation/eval-metric.js";
import type { Recipe } from "../recipe/recipe.js";
import type { Position } from "./position.js";

/** Whether a run is evaluated after this epoch (the first is 1): every so many, and after the last. */
export const evaluates = (
  { validateEvery, epochs }: Pick<Recipe, "validateEvery" | "epochs">,
  epoch: number,
): boolean => epoch % validateEvery === 0 || epoch >= epochs;

/** The measure by which the recipe ranks epochs. */
export const metricOf = ({ evalMetric, labels }: Pick<Recipe, "evalMetric" | "labels">): EvalMetric =>
  evalMetric !== "auto" ? evalMetric : labels === "several" ? "map" : "top1";

/** Whether a score is better than all before. */
export const isBetter = (score: number, { bestScore }: Pick<Position, "bestScore">): boolean =>
  bestScore === null || score > bestScore;

/** An evaluation of an epoch: the number by which it is ranked, and its top-1, or mAP of several labels. */
export interface RankedEpoch {
  readonly epoch: number;
  readonly score: number;
  readonly top1: number;
}

/** The position with an evaluation taken into account. Of equal epochs the earlier is the better. */
export function ranked(position: Position, { epoch, score, top1 }: RankedEpoch, keepBest: number): Position {
  const better = isBetter(score, position);
  const all = [...position.kept, { epoch, score }].sort((a, b) => b.score - a.score || a.epoch - b.epoch);
  return {
    ...position,
    ...(better ? { bestTop1: top1, bestScore: score } : {}),
    sinceBest: better ? 0 : position.sinceBest + 1,
    kept: keepBest > 1 ? all.slice(0, keepBest) : [],
  };
}

/** Whether evaluations have brought nothing better for so long that the run ends. */
export const outOfPatience = (
  { patience, epochs }: Pick<Recipe, "patience" | "epochs">,
  { sinceBest, epoch }: Position,
): boolean => patience !== undefined && sinceBest >= patience && epoch < epochs;
