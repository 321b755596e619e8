/** A recipe: everything that determines a run, validated, with the paper's defaults (table 9). */
import type { z } from "zod";
import { parsePolicy } from "../../data/augment/policy.js";
import type { Interpolation } from "../../data/pixels/resize.js";
import { UsageError } from "../../errors/errors.js";
import { joined } from "../../errors/sentence.js";
import { layerNumbers } from "../../models/layer-numbers.js";
import type { Model } from "../../models/model.js";
import { headParameters } from "../../models/parts.js";
import { groupedSettings } from "../../models/settings.js";
import { type Distillation, distillationModes } from "../step/distillation/index.js";
import type { DistillationMode } from "../step/distillation/mode.js";
import { type OptimizerOptions, optimizers } from "../step/optimizers/index.js";
import type { OptimizerKind, RateFactor } from "../step/optimizers/optimizer.js";
import { type ScheduleSettings, scaledLearningRate, schedules } from "../step/schedules/index.js";
import { refuseUselessEnd, withAugmentation } from "./augmentation.js";
import { refuseUnfittingSplits, withSplits } from "./augmentation-splits.js";
import { refuseUselessClassWeights } from "./class-weighting.js";
import { refuseNative } from "./native.js";
import { refuseFrozenPatches } from "./patch-dropout.js";
import { type Recipe, recipeSchema } from "./schema.js";
import { settingSentence, unknownSetting } from "./sentences.js";
import { withLabels } from "./several-labels.js";
import { refuseUnfittingSizes } from "./size-schedule.js";
import { refuseUnfittingViews } from "./stored-features.js";
import { needsTeacher, requireTeachers } from "./teachers.js";

export { type Recipe, type RecipeSettings, recipeSchema } from "./schema.js";

/**
 * Fills in defaults; throws UsageError for a wrong value, suggesting the nearest name for a typo.
 *
 * @example
 * ```ts
 * import { parseRecipe, UsageError } from "deit";
 *
 * console.log(parseRecipe({ epochs: 10 }).optimizer); // adamw
 * try {
 *   parseRecipe({ epoch: 10 });
 * } catch (error) {
 *   if (error instanceof UsageError) console.log(error.message); // names the nearest setting, epochs
 * }
 * ```
 */
export function parseRecipe(settings: unknown): Recipe {
  const result = recipeSchema.safeParse(settings);
  if (!result.success)
    throw new UsageError(joined(result.error.issues.map((issue) => settingSentence(issue, settings, namesAt))));
  const filled = withLabels(fittingDefaults(result.data, settings), settings);
  const recipe = withSplits(withAugmentation(filled, settings), settings);
  requireTeachers(recipe);
  refuseContradictoryWeights(recipe);
  if (recipe.cropScale[0] > recipe.cropScale[1] || recipe.cropRatio[0] > recipe.cropRatio[1])
    throw new UsageError(`cropScale and cropRatio must be [smallest, largest].`);
  if (recipe.borderColor !== "mean" && recipe.cropMode !== "border")
    throw new UsageError(
      `borderColor is ${JSON.stringify(recipe.borderColor)}, but cropMode=${recipe.cropMode} makes no border; set cropMode=border, or remove borderColor.`,
    );
  refuseNative(recipe);
  refuseUnfittingSizes(recipe);
  refuseFrozenPatches(recipe);
  if (recipe.clipMode !== "norm" && recipe.clipGradient === undefined)
    throw new UsageError(
      `clipMode is ${recipe.clipMode}, but without clipGradient nothing is clipped; set clipGradient, or remove clipMode.`,
    );
  if (recipe.lrNoise && recipe.lrNoise[0] > recipe.lrNoise[1])
    throw new UsageError(`lrNoise ends before it starts; write it as [start, end], fractions of the epochs.`);
  if (recipe.cosub && recipe.distillation !== "none")
    throw new UsageError(`Co-training (cosub) takes no teacher; set distillation to none, or cosub to false.`);
  if (recipe.cosub && recipe.trainedParts === "head")
    throw new UsageError(
      "Co-training (cosub) learns from different stochastic depth, of which there is none where trainedParts is head; set cosub to false, or train more than the head.",
    );
  if (recipe.headStart === "fitted" && (recipe.headInitScale !== 1 || recipe.headInitBias !== undefined))
    throw new UsageError(
      `headStart is fitted, which replaces the first values of heads; remove ${recipe.headInitScale === 1 ? "headInitBias" : "headInitScale"}, or set headStart=given.`,
    );
  refuseUselessClassWeights(recipe);
  refuseUselessEnd(recipe);
  refuseUnfittingSplits(recipe, needsTeacher(recipe));
  refuseUnfittingViews(recipe, needsTeacher(recipe));
  if (recipe.layerDecay < 1 && recipe.trainedParts === "head")
    throw new UsageError(
      "trainedParts is head, whose learning rate layerDecay leaves as it is; remove layerDecay, or train more than the head.",
    );
  if (recipe.cosub && recipe.features)
    throw new UsageError("Co-training (cosub) takes no teacher; remove features, or set cosub to false.");
  if (recipe.features && recipe.trainedParts === "head")
    throw new UsageError(
      "The recipe has features for the model's body to learn, but trains only its head; remove features, or set trainedParts=all.",
    );
  if (recipe.init && recipe.finetune !== undefined)
    throw new UsageError("Both init and finetune say what the model starts from; remove one of them.");
  for (const key of Object.keys(recipe.why ?? {}))
    if (!known.includes(key)) throw new UsageError(unknownSetting(key, known));
  refuseMeaninglessSchedule(recipe);
  if (recipe.epochs === 0 && recipe.headStart !== "fitted")
    throw new UsageError("epochs is 0, which trains nothing; set headStart=fitted too, or epochs to 1 or more.");
  if (recipe.epochs === 0 && recipe.epochRepeats > 1)
    throw new UsageError(
      `epochs is 0, so only heads are fitted, to each image once, and epochRepeats=${recipe.epochRepeats} changes nothing; remove it, or set epochs to 1 or more.`,
    );
  parsePolicy(recipe.autoAugment);
  return recipe;
}

/** Refuses weights of the losses that contradict each other. */
function refuseContradictoryWeights({ distillationAlpha, taskLossWeight, distillationLossWeight }: Recipe): void {
  const named = taskLossWeight === undefined ? "distillationLossWeight" : "taskLossWeight";
  const usual = recipeSchema.shape.distillationAlpha.parse(undefined);
  if ((taskLossWeight ?? distillationLossWeight) !== undefined && distillationAlpha !== usual)
    throw new UsageError(
      `Both distillationAlpha and ${named} say how much the distillation loss weighs; remove one of them.`,
    );
  if (taskLossWeight !== undefined && taskLossWeight > 1 && distillationLossWeight === undefined)
    throw new UsageError(
      `taskLossWeight is ${taskLossWeight}, which leaves the distillation loss less than 0 (1 − taskLossWeight); set distillationLossWeight too.`,
    );
}

/** Adapts the paper's defaults to a short run and a low rate. */
function fittingDefaults(recipe: Recipe, settings: unknown): Recipe {
  const given = (key: keyof Recipe) => (settings as Partial<Recipe> | undefined)?.[key] !== undefined;
  const { warmupEpochs, minLr, epochs } = recipe;
  const { defaults = {} }: OptimizerKind<z.ZodRawShape> = optimizers[recipe.optimizer];
  return {
    ...recipe,
    ...Object.fromEntries(Object.entries(defaults).filter(([key]) => !given(key as keyof Recipe))),
    warmupEpochs: given("warmupEpochs") ? warmupEpochs : Math.min(warmupEpochs, epochs / 5),
    minLr: given("minLr") ? minLr : Math.min(minLr, scheduleOf(recipe).lr),
  };
}

/** Refuses schedules that would do the opposite of their purpose. */
function refuseMeaninglessSchedule(recipe: Recipe): void {
  const { schedule, epochs, cooldownEpochs, minLr, scaleLr, batchSize } = recipe;
  if (!schedules[schedule].reachesMinLr) return;
  const { lr } = scheduleOf(recipe);
  if (epochs > 0 && cooldownEpochs >= epochs)
    throw new UsageError(
      `cooldownEpochs is ${cooldownEpochs} and epochs ${epochs}, so every step would be at minLr; epochs includes the cool-down: set cooldownEpochs=0, or more epochs.`,
    );
  if (minLr > lr)
    throw new UsageError(
      `minLr is ${minLr}, above the learning rate of ${Number(lr.toPrecision(3))}${scaleLr ? ` (lr × batchSize ${batchSize} / 512)` : ""}, so the rate would rise instead of falling; lower minLr, or raise lr.`,
    );
  const { lrCycleLimit, lrCycleDecay } = recipe;
  const last = lr * lrCycleDecay ** (lrCycleLimit - 1);
  if ("lrCycleLimit" in schedules[schedule].settings && minLr > last)
    throw new UsageError(
      `minLr is ${minLr}, above the highest rate of the last of ${lrCycleLimit} cycles (${Number(last.toPrecision(3))}), where the rate would rise instead of falling; lower minLr, set a larger lrCycleDecay, or a smaller lrCycleLimit.`,
    );
}

const known = Object.keys(recipeSchema.shape);
const namesAt = ([first]: readonly PropertyKey[]) => {
  const group = groupedSettings(recipeSchema.shape[first as keyof Recipe]);
  return group ? Object.keys(group) : known;
};

/** The weights that a run builds on, whole or in part; undefined if it starts from random numbers. */
export const builtOn = ({ init, finetune }: Pick<Recipe, "init" | "finetune">): string | undefined =>
  finetune ?? (init?.by === "selection" ? init.from : undefined);

export interface RecipeDifference {
  readonly key: string;
  readonly a: unknown;
  readonly b: unknown;
}

/**
 * Settings that differ, in the schema's order, then others; `about` and `why` do not affect the run and are omitted.
 */
export function recipeDifferences(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): RecipeDifference[] {
  const keys = new Set([...Object.keys(recipeSchema.shape), ...Object.keys(a), ...Object.keys(b)]);
  keys.delete("about");
  keys.delete("why");
  return [...keys]
    .filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]))
    .map((key) => ({ key, a: a[key], b: b[key] }));
}

/** A setting's change, as an error tells it; values may be undefined. */
export const changeText = ({ key, a, b }: RecipeDifference): string => `${key} was ${stated(a)} and is ${stated(b)}`;

const stated = (value: unknown): string => (value === undefined ? "not set" : JSON.stringify(value));

/** The settings that a component reads, out of all. */
const chosen = ({ settings }: { readonly settings: z.ZodRawShape }, recipe: Recipe) =>
  Object.fromEntries(Object.keys(settings).map((key) => [key, recipe[key as keyof Recipe]]));

/** The recipe's parts as needed by the training step. */
export function optimizerOf(recipe: Recipe): OptimizerOptions {
  const { optimizer } = recipe;
  return { kind: optimizer, ...chosen(optimizers[optimizer], recipe) } as OptimizerOptions;
}

export function scheduleOf(r: Recipe): ScheduleSettings {
  return {
    ...r,
    lr: r.scaleLr ? scaledLearningRate(r.lr, r.batchSize) : r.lr,
    epochs: r.epochs - r.cooldownEpochs,
    noise: r.lrNoise && {
      ...{ from: r.lrNoise[0] * r.epochs, to: r.lrNoise[1] * r.epochs },
      ...{ std: r.lrNoiseStd, limit: r.lrNoiseLimit, seed: r.seed },
    },
  };
}

/** Factor on the rate of a parameter of the model. */
export function rateFactorOf({ headLrFactor, layerDecay }: Recipe, model: Model): RateFactor {
  const heads = headParameters(model);
  const depth = layerDecay === 1 ? undefined : layerNumbers(model);
  const last = depth && Math.max(...depth.values());
  return (name) => {
    const layer = depth?.get(name);
    const own = heads.has(name) ? headLrFactor : 1;
    return last === undefined || layer === undefined ? own : own * layerDecay ** (last - layer);
  };
}

/** Decay of the averaged weights at a step (the first is 1); with warm-up the first step's weights are the average. */
export function emaDecayAt({ emaDecay, emaWarmup }: Pick<Recipe, "emaDecay" | "emaWarmup">, step: number): number {
  return emaWarmup ? Math.min(emaDecay, step <= 1 ? 0 : 1 - step ** (-2 / 3)) : emaDecay;
}

/** How images are resized without random choices. */
export function evaluationInterpolation({ interpolation }: Recipe): Interpolation {
  return interpolation === "random" ? "bicubic" : interpolation;
}

/** The mode of distillation with its constants, for a student with or without a distillation token. */
export function distillationOf(recipe: Recipe, distilledModel: boolean): Distillation {
  const { distillation: kind, distillationOn } = recipe;
  const on = distillationOn === "auto" ? (distilledModel ? "distillation" : "class") : distillationOn;
  const mode: DistillationMode = distillationModes[kind];
  return { kind, ...(mode.options(recipe, on) as object) } as Distillation;
}
