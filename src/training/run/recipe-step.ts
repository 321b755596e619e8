/** The step program of a recipe. */
import { UsageError } from "../../errors/errors.js";
import { observedShapes } from "../../models/context.js";
import type { Model } from "../../models/model.js";
import { frozenBelow, tailAbove } from "../../models/tail.js";
import { trainedOf } from "../../models/trained-parts.js";
import { onFeatures } from "../frozen/stored-input.js";
import { featureWeightsAt } from "../recipe/feature-weight.js";
import { nativeTeachers } from "../recipe/native.js";
import { requireAllPatches } from "../recipe/patch-dropout.js";
import { distillationOf, optimizerOf, type Recipe, rateFactorOf } from "../recipe/recipe.js";
import { batchTransformOf } from "../step/batch/index.js";
import type { ClassWeights } from "../step/class-weights.js";
import { consistencyOf } from "../step/consistency.js";
import { featureWeightInput } from "../step/imitation.js";
import { createLoss, type Loss } from "../step/losses/index.js";
import { type Step, trainStep } from "../step/step.js";
import type { Teaching } from "../teacher/teaching.js";

/** What a step reads besides the recipe. */
export interface PlannedStep extends PlannedLosses {
  /** Devices that divide the batch between them (default: 1). */
  readonly devices?: number;
}

/** What the losses of a step read besides the recipe. */
export interface PlannedLosses {
  /** The loss against the labels, if it is not the recipe's as it is: the caller's, or with weights of classes. */
  readonly loss?: Loss;
  /** Weights in the distillation loss of the classes that the teacher decides on, if they differ. */
  readonly distillationWeights?: ClassWeights;
}

/** The whole step as one program over the recipe's batch divided by `accumulate`. */
export function stepOf(
  recipe: Recipe,
  model: Model,
  teaching: Teaching,
  { loss, distillationWeights, devices }: PlannedStep = {},
): Step {
  const { moves, cut } = trainedOf(model, recipe.trainedParts);
  const stored = recipe.frozenViews === undefined ? undefined : storedPart(model, recipe, cut);
  const learning = stored?.model ?? (cut ? frozenBelow(model, cut) : model);
  requireAllPatches(model, teaching.features ?? [], recipe);
  if (cut) for (const { student } of teaching.features ?? []) requireTrained(learning, student, recipe);
  return trainStep(learning, {
    batch: recipe.batchSize / recipe.accumulate,
    optimizer: optimizerOf(recipe),
    rateFactor: rateFactorOf(recipe, model),
    // Cosub has its own loss, and refuses another.
    loss: loss ?? (recipe.cosub ? undefined : createLoss(recipe.loss, recipe)),
    labelSmoothing: recipe.labelSmoothing,
    severalLabels: recipe.labels === "several",
    targetThreshold: recipe.targetThreshold,
    cosub: recipe.cosub,
    consistency: consistencyOf(recipe),
    trained: moves,
    distillation: distillationOf(recipe, model.distilled),
    distillationWeights,
    transform: batchTransformOf(recipe),
    features: teaching.features,
    teacher: recipe.cropMode === "native" ? nativeTeachers(teaching.source, model.imageSize) : teaching.source,
    teacherInterpolation: recipe.teacherInterpolation,
    clipGradient: recipe.clipGradient,
    clipMode: recipe.clipMode,
    accumulate: recipe.accumulate,
    devices,
    gradCheckpointing: recipe.gradCheckpointing,
    ema: recipe.emaDecay > 0,
    halting: true,
    rows: stored?.rows,
  });
}

/** The weights of feature distillation after this many epochs, as inputs of the step. */
export const featureWeights = (recipe: Recipe, progress: number): Readonly<Record<string, number>> =>
  Object.fromEntries(featureWeightsAt(recipe, progress).map((weight, index) => [featureWeightInput(index), weight]));

/** The model with its frozen part replaced by stored features. */
function storedPart(model: Model, { batchSize, accumulate, trainedParts }: Recipe, cut: readonly string[] | undefined) {
  if (cut) return onFeatures(tailAbove(model, cut), model, batchSize / accumulate);
  throw new UsageError(
    `The model "${model.name}" does not show what its head reads, so nothing can be stored for trainedParts=${trainedParts} (frozenViews); declare its head by nn.head, or leave out frozenViews.`,
  );
}

/** Throws UsageError for a layer that imitates the teacher's but is not trained. */
function requireTrained(model: Model, layer: string, { trainedParts }: Recipe): void {
  const trained = [...observedShapes(model).keys()];
  if (!trained.includes(layer))
    throw new UsageError(
      `The layer "${layer}" of "${model.name}" is to imitate the teacher's (features), but trainedParts=${trainedParts} leaves it as it is; train more of the model, or set features.student to one of ${trained.join(", ")}.`,
    );
}
