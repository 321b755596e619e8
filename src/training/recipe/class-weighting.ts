/** When weights of classes come in, and where no loss would read them. */
import { UsageError } from "../../errors/errors.js";
import type { DistillationName } from "../step/distillation/index.js";
import { neededAnswer } from "../step/distillation/index.js";
import { epochsWithin } from "./epoch-share.js";
import type { Recipe } from "./schema.js";

/** Number of first epochs in which all classes count the same. */
export const evenEpochs = ({ classWeightsFrom, epochs }: Pick<Recipe, "classWeightsFrom" | "epochs">): number =>
  epochsWithin(classWeightsFrom, epochs);

/** Whether weights of classes count in this epoch (the first is 0). */
export const classWeightsCount = (recipe: Pick<Recipe, "classWeightsFrom" | "epochs">, epoch: number): boolean =>
  epoch >= evenEpochs(recipe);

/** Refuses weights of classes where no loss would read them. */
export function refuseUselessClassWeights(recipe: Recipe): void {
  const { classWeights, distillationClassWeights, classWeightsFrom, cosub, epochs, distillation } = recipe;
  if (distillationClassWeights !== "none" && !neededAnswer(distillation))
    throw new UsageError(
      `The recipe weighs the teacher's decisions (distillationClassWeights), but its distillation is "${distillation}", which has none; ${withoutDecisions(distillation)}.`,
    );
  const weighing = [
    ...(classWeights === "none" ? [] : ["classWeights"]),
    ...(distillationClassWeights === "none" ? [] : ["distillationClassWeights"]),
  ].join(" and ");
  if (weighing === "") {
    if (classWeightsFrom > 0)
      throw new UsageError(
        "classWeightsFrom says when weights of classes come in, but the recipe has none; set classWeights or distillationClassWeights, or remove it.",
      );
    return;
  }
  if (recipe.sampling !== "all" && typeof classWeights === "string" && classWeights !== "none")
    throw new UsageError(
      `Both sampling=${recipe.sampling} and classWeights=${classWeights} make up for the sizes of classes, which would favour small ones twice; remove one of them, or list the weights.`,
    );
  if (cosub)
    throw new UsageError(
      `Co-training (cosub) has a loss of its own, which knows no ${weighing}; set classWeights to none, or cosub to false.`,
    );
  if (epochs === 0)
    throw new UsageError(
      `epochs is 0, so only heads are fitted, which ${weighing} does not change; remove ${weighing}, or set epochs to 1 or more.`,
    );
  if (!classWeightsCount(recipe, epochs - 1))
    throw new UsageError(
      `classWeightsFrom is ${classWeightsFrom}, which leaves no epoch of ${epochs} in which ${weighing} would count; set a smaller share, or more epochs.`,
    );
}

function withoutDecisions(distillation: DistillationName): string {
  return distillation === "labels"
    ? "both heads learn from the labels, which classWeights weighs: set that instead"
    : "set distillation=hard, another mode with a teacher, or distillationClassWeights=none";
}
