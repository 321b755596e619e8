/** The step program of a recipe. */
import type { Model } from "../../models/model.js";
import { distillationOf, optimizerOf, type Recipe, rateFactorOf, trainedOf } from "../recipe/recipe.js";
import { batchTransformOf } from "../step/batch/index.js";
import { createLoss, type Loss } from "../step/losses/index.js";
import { type Step, trainStep } from "../step/step.js";
import type { Teaching } from "../teacher/teaching.js";

/** The whole step as one program over the recipe's batch divided by `accumulate`. */
export function stepOf(recipe: Recipe, model: Model, teaching: Teaching, loss?: Loss): Step {
  return trainStep(model, {
    batch: recipe.batchSize / recipe.accumulate,
    optimizer: optimizerOf(recipe),
    rateFactor: rateFactorOf(recipe, model),
    // Cosub has its own loss, and refuses another.
    loss: loss ?? (recipe.cosub ? undefined : createLoss(recipe.loss, recipe)),
    labelSmoothing: recipe.labelSmoothing,
    targetThreshold: recipe.targetThreshold,
    cosub: recipe.cosub,
    trained: trainedOf(recipe, model),
    distillation: distillationOf(recipe, model.distilled),
    transform: batchTransformOf(recipe),
    features: teaching.features,
    teacher: teaching.answers?.kind ?? teaching.teacher?.model,
    teacherInterpolation: recipe.teacherInterpolation,
    clipGradient: recipe.clipGradient,
    accumulate: recipe.accumulate,
    ema: recipe.emaDecay > 0,
    halting: true,
  });
}
