/** How a run's evaluations decide which weights are kept, and whether it goes on. */
import type { Recipe } from "../recipe/recipe.js";
import type { Position } from "./position.js";

/** Whether a run is evaluated after this epoch (the first is 1): every so many, and after the last. */
export const evaluates = (
  { validateEvery, epochs }: Pick<Recipe, "validateEvery" | "epochs">,
  epoch: number,
): boolean => epoch % validateEvery === 0 || epoch >= epochs;

/** The position with an evaluation of `epoch` taken into account. Of equal epochs the earlier is the better. */
export function ranked(
  position: Position,
  { epoch, top1 }: { readonly epoch: number; readonly top1: number },
  keepBest: number,
): Position {
  const better = top1 > position.bestTop1;
  const all = [...position.kept, { epoch, top1 }].sort((a, b) => b.top1 - a.top1 || a.epoch - b.epoch);
  return {
    ...position,
    bestTop1: Math.max(top1, position.bestTop1),
    sinceBest: better ? 0 : position.sinceBest + 1,
    kept: keepBest > 1 ? all.slice(0, keepBest) : [],
  };
}

/** Whether evaluations have brought nothing better for so long that the run ends. */
export const outOfPatience = (
  { patience, epochs }: Pick<Recipe, "patience" | "epochs">,
  { sinceBest, epoch }: Position,
): boolean => patience !== undefined && sinceBest >= patience && epoch < epochs;
