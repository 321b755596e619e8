/**
 * Training below the library's `train` and `distil`: a run of a whole recipe on a given engine, and its steps.
 * @module deit/training
 */

// Recipes: the settings of a run.

export { parseRecipe, type Recipe, type RecipeSettings, recipeSchema } from "./recipe/recipe.js";

// A run: its data, its options, its result, its log.

export type { DataOptions } from "./feed/training-data.js";
export type { TrainOptions } from "./run/train-options.js";
export { type TrainResult, train } from "./run/trainer.js";
export type { EpochRecord, LossParts, TrainEvent } from "./run-folder/events.js";
export { type LogLine, logSchema, readLog } from "./run-folder/log-schema.js";

// The training step and its parts: losses, distillation, optimizers.

export type { Consistency } from "./step/consistency.js";
export { type Distillation, distilledLoss } from "./step/distillation/index.js";
export type { FeatureDistillation } from "./step/features.js";
export { crossEntropy } from "./step/losses/cross-entropy.js";
export type { Loss, LossName } from "./step/losses/index.js";
export { smoothedTargets } from "./step/losses/targets.js";
export { createOptimizer, type OptimizerOptions } from "./step/optimizers/index.js";
export type { Optimizer, RateFactor, StepScalars } from "./step/optimizers/optimizer.js";
export { buildStep, type Step, type StepInputs, type StepOptions, stepInputs, trainStep } from "./step/step.js";
export type { StepTeacher } from "./step/taught.js";
export type { TeacherSource } from "./step/teachers.js";

// Teachers: functions of the caller, and stored predictions.

export { buildTeacherCache, type CacheOptions, type StoredAnswers } from "./teacher/cache.js";
export type {
  OwnTeacher,
  TeacherFunction,
  TeacherImages,
  TeacherLogits,
} from "./teacher/function.js";
export type { StoredLayerSize, StoredSize } from "./teacher/manifest.js";
export { type OwnTeachers, ownTeacherName, type PassedTeacher } from "./teacher/own.js";
