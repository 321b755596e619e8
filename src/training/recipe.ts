/** A recipe: everything that decides how a run goes, checked, with the paper's defaults (table 9). */
import { z } from "zod";
import { parsePolicy } from "../data/augment/policy.js";
import type { Interpolation } from "../data/resize.js";
import { UsageError } from "../errors.js";
import { normalizationNames, normalizationSchema } from "../evaluation/normalization.js";
import { isHead } from "../models/adapt.js";
import type { BatchTransform } from "./batch-transform.js";
import type { Distillation } from "./losses.js";
import type { MixSettings } from "./mixing.js";
import type { OptimizerOptions, RateFactor } from "./optimizer.js";
import { settingSentence, unknownSetting } from "./recipe-sentences.js";
import { type ScheduleSettings, scaledLearningRate } from "./schedule.js";

const positive = z.number().positive();
const share = z.number().min(0).max(1);
/** A share that 1 would make meaningless: averages that never move, labels that say nothing. */
const belowOne = z.number().min(0).lt(1);
const whole = z.number().int().min(1);
const normalization = z
  .union(
    [z.enum(["auto", ...normalizationNames]), normalizationSchema.strict()],
    'it is neither auto, imagenet, inception, none nor {"mean":[r,g,b],"std":[r,g,b]}',
  )
  .default("auto");

const regnetSchema = z
  .strictObject({
    initialWidth: whole,
    slope: positive,
    factor: z.number().min(1.5),
    groupWidth: whole,
    stemWidth: whole,
    stemStride: whole.max(2),
  })
  .partial();

/** Zod schema of a recipe: all settings with their defaults. */
export const recipeSchema = z.strictObject({
  /** What it is for: the command, the time and the accuracy to expect. */
  about: z.string().default(""),
  /** Reasons for settings, by their names. */
  why: z.record(z.string(), z.string()).optional(),
  model: z.string().default("deit_tiny_patch16_224"),
  imageSize: whole.optional(),
  patchSize: whole.optional(),
  width: whole.optional(),
  depth: whole.optional(),
  heads: whole.optional(),
  mlpRatio: positive.optional(),
  /** Where the model `regnety` lies in its design space; what is left out is a small one's for 32 pixels. */
  regnet: regnetSchema.default({}),
  /** Adds the distillation token to a model whose name does not say. */
  distilled: z.boolean().optional(),
  /** Stochastic depth of the last block. */
  dropPath: z.number().min(0).max(0.99).default(0.1),
  dropout: z.number().min(0).max(0.99).default(0),
  /** Weights to begin from: a file, a run folder, `hub` or `hub:owner/name`. Heads of other classes start anew. */
  finetune: z.string().optional(),
  /** What moves: all, only attention, positions and heads (arXiv 2203.09795), or only the heads. */
  trainedParts: z.enum(["all", "attention", "head"]).default("all"),
  /**
   * How heads begin: as their model's initialisation or the weights to begin from say, or fitted to what the rest of
   * the model gives for the training images, by logistic regression, before the first step.
   */
  headStart: z.enum(["given", "fitted"]).default("given"),
  /** What the rate of the heads is multiplied by: new ones bear more than a body that knows something. */
  headLrFactor: positive.default(1),

  /** 0 leaves it at fitted heads (`headStart`). */
  epochs: z.number().int().min(0).default(300),
  /** Global batch: images per step over all devices and accumulated runs. */
  batchSize: whole.default(1024),
  /** Runs of the program whose gradients make one step. */
  accumulate: whole.default(1),
  optimizer: z.enum(["adamw", "sgd"]).default("adamw"),
  betas: z.tuple([belowOne, belowOne]).default([0.9, 0.999]),
  epsilon: positive.default(1e-8),
  momentum: belowOne.default(0.9),
  nesterov: z.boolean().default(true),
  weightDecay: z.number().min(0).default(0.05),
  /** Learning rate for a batch of 512; scaled by batchSize / 512 unless `scaleLr` is false. */
  lr: positive.default(5e-4),
  scaleLr: z.boolean().default(true),
  /** Unless told, a fifth of a run that is shorter than 25 epochs. */
  warmupEpochs: z.number().min(0).default(5),
  warmupLr: z.number().min(0).default(1e-6),
  /** Unless told, `lr` where that is lower. */
  minLr: z.number().min(0).default(1e-5),
  schedule: z.enum(["cosine", "step", "constant"]).default("cosine"),
  /** Whether the rate moves with every step or, as the released program's, once an epoch. */
  scheduleBy: z.enum(["step", "epoch"]).default("step"),
  /** Schedule `step`: epochs between falls, and the factor of each. */
  decayEpochs: positive.default(30),
  decayRate: positive.default(0.1),
  /** Epochs at `minLr` after the schedule's end. */
  cooldownEpochs: z.number().int().min(0).default(0),
  /** Part of training, as shares of its epochs, whose rates are multiplied by 1 + noise. */
  lrNoise: z.tuple([share, share]).optional(),
  /** The noise is normal with this deviation, drawn anew every epoch, and never beyond the limit. */
  lrNoiseStd: positive.default(1),
  lrNoiseLimit: share.default(0.67),
  clipGradient: positive.optional(),
  labelSmoothing: belowOne.default(0.1),
  loss: z.enum(["crossEntropy", "binaryCrossEntropy"]).default("crossEntropy"),
  /** Binary cross entropy: targets above it become 1, others 0, so that mixed images show both classes in full. */
  targetThreshold: share.optional(),
  /**
   * Co-training of two submodels (arXiv 2212.04884): each image passes twice under other stochastic depth, and each
   * pass learns from the labels and from the other's answer, by binary cross entropy.
   */
  cosub: z.boolean().default(false),
  /** Decay per step of the moving average of the weights; 0 keeps none. */
  emaDecay: z.number().min(0).max(0.999999).default(0),
  /** Lets the decay grow to `emaDecay` over the first steps, as 1 - t^(-2/3) (timm's ModelEmaV3). */
  emaWarmup: z.boolean().default(false),

  /** How images are normalised; `auto`: as the weights that `finetune` begins from want it, or the model. */
  normalization,
  /** Whether images are turned as their metadata asks. */
  exif: z.enum(["ignore", "apply"]).default("ignore"),
  /** Share of the shorter side that evaluation sees, the model's own unless told. */
  evaluationCropRatio: z.number().min(0.01).max(1).optional(),
  /** Part of the image a random resized crop takes. Images of 32 pixels or fewer are padded and shifted instead. */
  cropScale: z.tuple([share, share]).default([0.08, 1]),
  cropRatio: z.tuple([positive, positive]).default([3 / 4, 4 / 3]),
  crop: z.enum(["auto", "resized", "padded", "simple", "none"]).default("auto"),
  interpolation: z.enum(["bilinear", "bicubic", "lanczos", "nearest", "random"]).default("bicubic"),
  flip: share.default(0.5),
  verticalFlip: share.default(0),
  /** timm's string of RandAugment, AutoAugment, DeiT III's three ("3a") or AugMix; "none". */
  autoAugment: z.string().default("rand-m9-mstd0.5-inc1"),
  /** Largest change of brightness, contrast and saturation from 1, and of the hue in turns. */
  colorJitter: z.number().min(0).default(0),
  hueJitter: z.number().min(0).max(0.5).default(0),
  /** Views of each image in a batch (repeated augmentation); an epoch keeps its length and sees fewer images. */
  repeatedAugmentation: whole.max(64).default(3),
  /** α of Mixup and of CutMix; 0 turns one off. */
  mixup: z.number().min(0).default(0.8),
  cutmix: z.number().min(0).default(1),
  /** Smallest and largest side of CutMix's box as shares of the image's, instead of by its α. */
  cutmixMinMax: z.tuple([share, share]).optional(),
  mixProbability: share.default(1),
  /** Probability of CutMix where Mixup is on too. */
  mixSwitchProbability: share.default(0.5),
  /** One draw per batch, per pair or per image. */
  mixMode: z.enum(["batch", "pair", "elem"]).default("batch"),
  /** Random erasing: its probability, what fills the boxes, and how many there are. */
  eraseProbability: share.default(0.25),
  eraseMode: z.enum(["pixel", "rand", "const"]).default("pixel"),
  eraseCount: whole.max(16).default(1),

  /** `hard`: the teacher's decision; `soft`: its distribution; `labels`: no teacher, true labels for both heads. */
  distillation: z.enum(["none", "soft", "hard", "labels"]).default("none"),
  /** Weight of the distillation loss. */
  distillationAlpha: share.default(0.5),
  distillationTau: positive.default(1),
  /** Which head learns from the teacher; `auto`: that of the distillation token where there is one. */
  distillationOn: z.enum(["auto", "distillation", "class"]).default("auto"),
  /** Soft loss averaged over the batch (equation 2), or over batch and classes as in the released program. */
  distillationNormalization: z.enum(["paper", "released"]).default("paper"),
  /** Name of the teacher's model; needed where its weights do not say. */
  teacher: z.string().optional(),
  /** A weights file or run folder of the teacher, or an ONNX file (`.onnx`) of any image classifier. */
  teacherWeights: z.string().optional(),
  /** The teacher's resolution, the student's (or an ONNX file's own) unless told; the student's views are resized. */
  teacherImageSize: whole.max(8192).optional(),
  teacherInterpolation: z.enum(["bilinear", "bicubic"]).default("bicubic"),
  /** How the teacher's images are normalised; `auto`: as its model or an ONNX file's metadata say. */
  teacherNormalization: normalization,
  /** Which output of an ONNX file holds its answers, where that cannot be told. */
  teacherOutput: z.string().optional(),
  /** What the answers of an ONNX file are; `auto`: as its last node or the numbers show. */
  teacherAnswers: z.enum(["auto", "logits", "probabilities", "sigmoids"]).default("auto"),
  /** File with the teacher's classes, a name per line, where its weights do not say. */
  teacherClasses: z.string().optional(),
  /** Folder of a teacher's stored answers, used instead of the teacher. */
  teacherCache: z.string().optional(),

  seed: z.number().int().min(0).default(0),
});

/** A recipe with every setting. */
export type Recipe = Readonly<z.infer<typeof recipeSchema>>;
/** A recipe as it is written: settings left out take their defaults. */
export type RecipeSettings = z.input<typeof recipeSchema>;

/** Fills in defaults; throws UsageError with a sentence for a wrong value, and the nearest name for a typo. */
export function parseRecipe(settings: unknown): Recipe {
  const result = recipeSchema.safeParse(settings);
  if (!result.success)
    throw new UsageError(result.error.issues.map((issue) => settingSentence(issue, settings, namesAt)).join(" "));
  const recipe = fittingDefaults(result.data, settings);
  if (needsTeacherOf(recipe) && recipe.teacherWeights === undefined && recipe.teacherCache === undefined) {
    throw new UsageError(
      `The recipe's distillation is "${recipe.distillation}", but there is no teacher; set teacherWeights to a weights file or run folder, or teacherCache to stored answers.`,
    );
  }
  if (recipe.cropScale[0] > recipe.cropScale[1] || recipe.cropRatio[0] > recipe.cropRatio[1])
    throw new UsageError(`A range of the recipe is upside down; write cropScale and cropRatio as [smallest, largest].`);
  if (recipe.lrNoise && recipe.lrNoise[0] > recipe.lrNoise[1])
    throw new UsageError(`lrNoise ends before it begins; write it as [start, end], shares of the epochs.`);
  if (recipe.cosub && recipe.distillation !== "none")
    throw new UsageError(`Co-training (cosub) takes no teacher; set distillation to none, or cosub to false.`);
  for (const key of Object.keys(recipe.why ?? {}))
    if (!known.includes(key)) throw new UsageError(unknownSetting(key, known));
  refuseMeaninglessSchedule(recipe);
  if (recipe.epochs === 0 && recipe.headStart !== "fitted")
    throw new UsageError("epochs is 0, which trains nothing; set headStart=fitted too, or epochs to 1 or more.");
  parsePolicy(recipe.autoAugment);
  return recipe;
}

/** The paper's defaults made to fit a short run and a low rate. */
function fittingDefaults(recipe: Recipe, settings: unknown): Recipe {
  const given = (key: keyof Recipe) => (settings as Partial<Recipe> | undefined)?.[key] !== undefined;
  const { warmupEpochs, minLr, epochs } = recipe;
  return {
    ...recipe,
    warmupEpochs: given("warmupEpochs") ? warmupEpochs : Math.min(warmupEpochs, epochs / 5),
    minLr: given("minLr") ? minLr : Math.min(minLr, scheduleOf(recipe).lr),
  };
}

/** Schedules that would do the contrary of what they are for. */
function refuseMeaninglessSchedule(recipe: Recipe): void {
  const { schedule, epochs, cooldownEpochs, minLr, scaleLr, batchSize } = recipe;
  if (schedule !== "cosine") return;
  const { lr } = scheduleOf(recipe);
  if (epochs > 0 && cooldownEpochs >= epochs)
    throw new UsageError(
      `cooldownEpochs is ${cooldownEpochs} and epochs ${epochs}, so every step would be at minLr; epochs counts the cool-down too: set cooldownEpochs=0, or more epochs.`,
    );
  if (minLr > lr)
    throw new UsageError(
      `minLr is ${minLr}, above the learning rate of ${Number(lr.toPrecision(3))}${scaleLr ? ` (lr × batchSize ${batchSize} / 512)` : ""}, so the rate would rise where it should fall; set minLr lower, or lr higher.`,
    );
}

const known = Object.keys(recipeSchema.shape);
const namesAt = ([first]: readonly PropertyKey[]) => (first === "regnet" ? Object.keys(regnetSchema.shape) : known);

export interface RecipeDifference {
  readonly key: string;
  readonly a: unknown;
  readonly b: unknown;
}

/** Settings that differ, in the schema's order, then others; `about` and `why` say nothing about the run and are left out. */
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

const needsTeacherOf = ({ distillation }: Recipe): boolean => distillation === "hard" || distillation === "soft";

/** The recipe's parts as the training step wants them. */
export function optimizerOf(r: Recipe): OptimizerOptions {
  return r.optimizer === "adamw"
    ? { kind: "adamw", betas: r.betas, epsilon: r.epsilon, weightDecay: r.weightDecay }
    : { kind: "sgd", momentum: r.momentum, nesterov: r.nesterov, weightDecay: r.weightDecay };
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

/** Whether a parameter moves. */
export function trainedOf({ trainedParts }: Recipe): (name: string) => boolean {
  if (trainedParts === "all") return () => true;
  if (trainedParts === "head") return isHead;
  return (name) => name.includes(".attn.") || name === "pos_embed" || isHead(name);
}

/** What the rate of a parameter is multiplied by. */
export function rateFactorOf({ headLrFactor }: Recipe): RateFactor {
  return (name) => (isHead(name) ? headLrFactor : 1);
}

/** Decay of the averaged weights at a step (the first is 1); with warm-up the first step's weights are the average. */
export function emaDecayAt({ emaDecay, emaWarmup }: Pick<Recipe, "emaDecay" | "emaWarmup">, step: number): number {
  return emaWarmup ? Math.min(emaDecay, step <= 1 ? 0 : 1 - step ** (-2 / 3)) : emaDecay;
}

/** How images are resized where nothing is random. */
export function evaluationInterpolation({ interpolation }: Recipe): Interpolation {
  return interpolation === "random" ? "bicubic" : interpolation;
}

export function distillationOf(r: Recipe, distilledModel: boolean): Distillation {
  const alpha = r.distillationAlpha;
  if (r.distillation === "none") return { kind: "none" };
  if (r.distillation === "labels") return { kind: "labels", alpha };
  const on = r.distillationOn === "auto" ? (distilledModel ? "distillation" : "class") : r.distillationOn;
  return r.distillation === "hard"
    ? { kind: "hard", alpha, on }
    : { kind: "soft", alpha, on, tau: r.distillationTau, normalization: r.distillationNormalization };
}

/** Undefined when nothing is mixed. */
export function mixingOf(r: Recipe): MixSettings | undefined {
  if ((r.mixup === 0 && r.cutmix === 0 && !r.cutmixMinMax) || r.mixProbability === 0) return undefined;
  return {
    mixup: r.mixup,
    cutmix: r.cutmix,
    cutmixMinMax: r.cutmixMinMax,
    probability: r.mixProbability,
    switchProbability: r.mixSwitchProbability,
    mode: r.mixMode,
  };
}

export function batchTransformOf(r: Recipe): BatchTransform {
  return {
    mix: mixingOf(r) !== undefined,
    erase: r.eraseProbability > 0 ? { mode: r.eraseMode, count: r.eraseCount } : undefined,
  };
}
