/**
 * The settings of a recipe: the meaning of each, its default (the paper's, table 9) and its range. The meanings are the
 * text of docs/settings.md and of the command line's options; `timm` names the equivalent option of timm's train.py.
 */
import { z } from "zod";
import { cropModes } from "../../data/pixels/fit.js";
import { evalMetrics } from "../../evaluation/eval-metric.js";
import { rgbSchema } from "../../evaluation/saved-view.js";
import { positive, whole } from "../../models/families/family.js";
import { usualModel } from "../../models/registry.js";
import { architectureSettings, dropSettings, imageSizeSchema } from "../../models/settings.js";
import { lastBlocksForm, lastBlocksPattern, trainedParts } from "../../models/trained-parts.js";
import { batchTransforms } from "../step/batch/index.js";
import { clipModes } from "../step/clipping.js";
import { consistencySettings } from "../step/consistency.js";
import { distillationModes } from "../step/distillation/index.js";
import { shared as sharedDistillation } from "../step/distillation/mode.js";
import { featureSettings } from "../step/features.js";
import { losses } from "../step/losses/index.js";
import { optimizers } from "../step/optimizers/index.js";
import { schedules } from "../step/schedules/index.js";
import { belowOne, share } from "../step/settings.js";
import { normalization, teacherSettings } from "./teacher-settings.js";

/** The names of a table's components. */
const names = <Table extends Readonly<Record<string, unknown>>>(table: Table) =>
  z.enum(Object.keys(table) as [keyof Table & string, ...(keyof Table & string)[]]);

type Together<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;
type Fragments<Table> = { [K in keyof Table]: Table[K] extends { settings: infer S } ? S : never }[keyof Table];

/** The settings of all of a table's components; one shared by several is one setting. */
const fragments = <Table extends Readonly<Record<string, { readonly settings: z.ZodRawShape }>>>(table: Table) =>
  Object.assign({}, ...Object.values(table).map(({ settings }) => settings)) as Together<Fragments<Table>>;

const notNegative = z.number().min(0);
const count = z.number().int().min(0);
const lastBlocks = z
  .templateLiteral([lastBlocksPattern.before, z.string().regex(lastBlocksPattern.number), lastBlocksPattern.after], {
    error: lastBlocksForm,
  })
  .meta({ form: lastBlocksForm });
const classWeights = z
  .union(
    [z.enum(["none", "auto", "inverse", "effective"]), z.array(notNegative).min(2).readonly()],
    "it is neither none, auto, inverse, effective nor a list of one number for each class, as [1,2.5,1]",
  )
  .default("none");

/** Zod schema of a recipe: all settings with their defaults and, as metadata, their meanings. */
export const recipeSchema = z.strictObject({
  about: z
    .string()
    .default("")
    .meta({ description: "What the recipe is for: the command, the time and the accuracy to expect." }),
  why: z.record(z.string(), z.string()).optional().meta({ description: "Reasons for settings, by their names." }),

  model: z.string().default(usualModel).meta({
    description: "Name of the model to train (list: `deit models`).",
    timm: "model",
  }),
  ...architectureSettings,
  ...dropSettings,
  finetune: z.string().optional().meta({
    description:
      "Weights to start from: a file, a run folder, `hub` or `hub:owner/name`. Heads for different classes are reinitialised.",
    timm: "initial-checkpoint",
  }),
  init: z
    .discriminatedUnion("by", [
      z.strictObject({
        by: z.literal("selection").meta({
          description:
            "The first blocks and evenly spaced elements of a larger DeiT or ViT (arXiv 2311.18823); patches of another size are resized.",
        }),
        from: z
          .string()
          .meta({ description: "Weights of the larger model: a file, a run folder or `hub:owner/name`." }),
      }),
      z.strictObject({
        by: z.literal("mimetic").meta({
          description:
            "Attention and positions as trained vision transformers have them, without any weights (arXiv 2305.09828).",
        }),
      }),
    ])
    .optional()
    .meta({
      description: "First values of a DeiT or ViT that are worth more than random ones. Default: they are random.",
    }),
  trainedParts: z
    .union([names(trainedParts), lastBlocks], `it is neither all, attention, head nor ${lastBlocksForm}`)
    .default("all")
    .meta({
      description:
        "Parameters that are updated: `all`; `attention` with positions and heads (arXiv 2203.09795); the last blocks with the final norm and the heads, such as `last-4-blocks`; or only the `head`. Of what lies below the last blocks or the head no gradients are computed, and stochastic depth and dropout leave it alone.",
    }),
  frozenViews: z
    .union([z.literal("all"), whole], "it is neither all nor a number of views")
    .optional()
    .meta({
      description:
        "Where the head or the last blocks alone are trained: views of each image whose features, which are what the frozen part makes of them, are computed once and stored. `all` is one for each epoch; with fewer, later epochs go through the stored ones in turn. Default: none is stored, and the frozen part is computed in every step.",
    }),
  frozenFormat: z.enum(["float16", "float32"]).default("float16").meta({
    description: "Number format of stored features; `float32` takes twice the space and loses nothing.",
  }),
  frozenCache: z.string().optional().meta({
    description:
      "Folder of stored features, which several runs can use; default: `features` in the run folder. Features for other images, views or weights are refused.",
  }),
  headStart: z.enum(["given", "fitted"]).default("given").meta({
    description:
      "How heads start: as initialised or loaded (`given`), or `fitted` by logistic regression to the features of the training images before the first step.",
  }),
  headInitScale: notNegative.default(1).meta({
    description:
      "Factor on the first weights and biases of the heads, drawn or loaded; 0.001 lets a new head begin without an opinion.",
    timm: "head-init-scale",
  }),
  headInitBias: z.number().optional().meta({
    description:
      "First value of the heads' biases. With binary cross entropy a negative one, such as −6.9 for 1000 classes, starts every class as improbable. Default: as drawn (0) or loaded.",
    timm: "head-init-bias",
  }),
  headLrFactor: positive.default(1).meta({
    description: "Factor on the learning rate of the heads; new heads tolerate more than a pretrained body.",
  }),
  layerDecay: positive.max(1).default(1).meta({
    description:
      "Layer-wise decay of the learning rate: each layer has that of the one above times this. The heads have the full rate; patches, tokens and positions the lowest. 1 is off; 0.65 to 0.8 is usual in fine-tuning.",
    timm: "layer-decay",
  }),

  trainImages: whole.optional().meta({
    description:
      "Trains on this many of the images: the classes in their proportions, the same images for every seed, and all of them among those of a larger number. Default: all.",
    timm: "train-num-samples",
  }),
  epochs: count.default(300).meta({
    description:
      "Number of passes over the training data, or of several each (`epochRepeats`); 0 trains nothing but fitted heads (`headStart`).",
    timm: "epochs",
  }),
  epochRepeats: z.number().min(1).max(1000).default(1).meta({
    description:
      "Passes of an epoch over the training data. With small data, several mean fewer evaluations and checkpoints for the same number of steps; `epochs` and schedules count epochs. An image that is there again is seen in another view; 1.5 is one pass and half of another.",
    timm: "epoch-repeats (there for iterable datasets only; 0 is 1)",
  }),
  batchSize: whole.default(1024).meta({
    description: "Global batch: images per optimizer step, over all devices and accumulated micro-batches.",
    timm: "batch-size (there for each process and micro-batch)",
  }),
  accumulate: whole.default(1).meta({
    description: "Micro-batches whose gradients make one step; the batch is divided among them.",
    timm: "grad-accum-steps",
  }),
  gradCheckpointing: z.boolean().default(false).meta({
    description:
      "Computes what lies within each block again in the backward pass instead of keeping it from the forward pass: the same step in more time and less memory.",
    timm: "grad-checkpointing",
  }),
  optimizer: names(optimizers).default("adamw").meta({ description: "Optimizer.", timm: "opt" }),
  ...fragments(optimizers),
  lr: positive.default(5e-4).meta({
    description: "Learning rate for a batch of 512 images (see `scaleLr`).",
    timm: "lr-base (lr-base-size=512, lr-base-scale=linear)",
  }),
  scaleLr: z.boolean().default(true).meta({
    description: "Multiplies `lr` by `batchSize` / 512; `false` uses it unchanged.",
    timm: "lr instead of lr-base",
  }),
  warmupEpochs: notNegative.default(5).meta({
    description:
      "Epochs of linear warm-up from `warmupLr`; by default at most a fifth of the run, which matters below 25 epochs.",
    timm: "warmup-epochs",
  }),
  warmupPrefix: z.boolean().default(false).meta({
    description:
      "The schedule begins after the warm-up and has the epochs that are left; by default it counts from the first epoch, and the warm-up replaces its beginning.",
    timm: "warmup-prefix (there epochs are those after the warm-up)",
  }),
  warmupLr: notNegative.default(1e-6).meta({ description: "Learning rate at the first step.", timm: "warmup-lr" }),
  minLr: notNegative.default(1e-5).meta({
    description: "Lowest learning rate of the schedule; by default at most the peak rate.",
    timm: "min-lr",
  }),
  schedule: names(schedules)
    .default("cosine")
    .meta({ description: "Learning-rate schedule after warm-up.", timm: "sched" }),
  ...fragments(schedules),
  scheduleBy: z.enum(["step", "epoch"]).default("step").meta({
    description: "Whether the rate changes with every step or, as in the original program, once an epoch.",
    timm: "sched-on-updates (`step`)",
  }),
  cooldownEpochs: count.default(0).meta({
    description: "Last epochs of the run, spent at `minLr`; part of `epochs`.",
    timm: "cooldown-epochs (there in addition to epochs)",
  }),
  lrNoise: z.tuple([share, share]).optional().meta({
    description:
      "Part of training, as two shares of its epochs, whose rates are multiplied by 1 + noise; default: no noise.",
    timm: "lr-noise",
  }),
  lrNoiseStd: positive.default(1).meta({
    description: "Standard deviation of that noise, which is normal and redrawn every epoch.",
    timm: "lr-noise-std",
  }),
  lrNoiseLimit: share.default(0.67).meta({
    description: "Bound on the size of that noise.",
    timm: "lr-noise-pct",
  }),
  clipGradient: positive.optional().meta({
    description: "Limit of the gradients; larger ones are scaled down to it (see `clipMode`). Default: no clipping.",
    timm: "clip-grad",
  }),
  clipMode: z.enum(clipModes).default("norm").meta({
    description:
      "What `clipGradient` limits: the `norm` of all gradients together; each number of them (`value`); or, for each output channel, their norm over that of its weights (`agc`: adaptive gradient clipping, arXiv 2102.06171, which leaves heads alone; 0.01 is usual).",
    timm: "clip-mode",
  }),
  labelSmoothing: belowOne.default(0.1).meta({
    description: "Share of a label's weight that is spread over all classes; true labels only.",
    timm: "smoothing",
  }),
  loss: names(losses)
    .default("crossEntropy")
    .meta({ description: "Loss against the labels.", timm: "bce-loss (`binaryCrossEntropy`)" }),
  ...fragments(losses),
  labels: z.enum(["one", "several"]).default("one").meta({
    description:
      "Labels of an image: `one`, or `several` or none of them (multi-label). `several` makes each class a question of its own: the loss is `binaryCrossEntropy`, evaluation measures the mean average precision (mAP), which decides on the best epoch unless `evalMetric` says otherwise, and predictions are sigmoids. The data is a list with several labels for an image.",
  }),
  classWeights: classWeights.meta({
    description:
      "Weights of the classes in the loss against the labels: `inverse` to their images; `effective`: to their effective number (arXiv 1901.05555, see `classWeightBeta`); `auto`: that if the largest class has 5 times the images of the smallest (their mean over all images is 1); `none`; or a list, one number for each class. Fitted heads (`headStart`) ignore them.",
  }),
  distillationClassWeights: classWeights.meta({
    description:
      "The same for the distillation loss: each image has the weight of the class that the teacher decides on, over the sum of the batch's (DeiT-LT, arXiv 2404.02900, has `effective`). Sizes of classes are those of the labels.",
  }),
  classWeightsFrom: belowOne.default(0).meta({
    description:
      "Share of the epochs before which all classes count the same: `classWeights` and `distillationClassWeights` come in at the epoch that starts after it (deferred re-weighting, DRW). DeiT-LT has 1100 of 1200 epochs, 0.917.",
  }),
  classWeightBeta: belowOne.default(0.9999).meta({
    description:
      "Constant β of effective numbers, (1 − βⁿ) / (1 − β) of n images: 0 weighs all classes the same, near 1 is `inverse`.",
  }),
  targetThreshold: share.optional().meta({
    description:
      "Binary cross entropy: targets above it become 1, others 0, so that mixed images show both classes in full. Default: targets stay soft.",
    timm: "bce-target-thresh",
  }),
  cosub: z.boolean().default(false).meta({
    description:
      "Co-training of two submodels (arXiv 2212.04884): each image passes twice under different stochastic depth, and each pass learns from the labels and from the other's prediction, by binary cross entropy.",
  }),
  emaDecay: z.number().min(0).max(0.999999).default(0).meta({
    description: "Decay per step of the moving average of the weights; 0 keeps no average.",
    timm: "model-ema-decay (with model-ema)",
  }),
  emaWarmup: z.boolean().default(false).meta({
    description: "Ramps that decay up to `emaDecay` over the first steps, as 1 − t^(−2/3).",
    timm: "model-ema-warmup",
  }),

  validateEvery: whole.default(1).meta({
    description: "Epochs from one evaluation to the next; the last epoch is always evaluated.",
    timm: "val-interval",
  }),
  evalMetric: z
    .enum(["auto", ...evalMetrics])
    .default("auto")
    .meta({
      description:
        "Measure of evaluations that decides on the best epoch, early stopping and the schedule `plateau`: `top1`, `top5`, `loss`, `meanClassTop1` (the mean of the classes' top-1, for classes of unequal sizes) or `map` (several labels); `auto`: `map` of several labels, otherwise `top1`.",
      timm: "eval-metric",
    }),
  patience: whole.optional().meta({
    description:
      "Early stopping: the run ends after so many evaluations in a row that are not better than the best; the schedule remains that of all `epochs`. Default: it trains them all.",
  }),
  keepBest: whole.max(100).default(1).meta({
    description:
      "Number of best epochs whose weights are kept: `best.safetensors`, and with more than 1 also `epoch-N.safetensors` of each.",
    timm: "checkpoint-hist",
  }),

  normalization: normalization.meta({
    description: "Normalisation of images; `auto`: that of the weights given by `finetune`, otherwise the model's own.",
    timm: "mean and std",
  }),
  exif: z
    .enum(["ignore", "apply"])
    .default("ignore")
    .meta({ description: "Whether images are rotated according to their EXIF orientation." }),
  evaluationCropRatio: z.number().min(0.01).max(1).optional().meta({
    description: "Share of the image's shorter side that evaluation sees; default: the model's own.",
    timm: "crop-pct",
  }),
  cropMode: z.enum(cropModes).default("center").meta({
    description:
      "How an image of another shape fills the model's input, in training and evaluation: `center` (what is outside is cut off), `squash` (resized to its shape), `border` (fitted with a border, letterbox), or `native` (the input has nearly the shape of the image and as many patches, whose positions are interpolated; a batch has images of one shape). Unless `evaluationCropRatio` is set, `squash` and `border` show all of it, and `native` nearly.",
    timm: "crop-mode",
  }),
  borderColor: z
    .union([z.literal("mean"), rgbSchema], "it is neither mean nor three bytes, as [0,0,0]")
    .default("mean")
    .meta({
      description:
        "Colour of that border: three bytes for red, green and blue, or the `mean` of the normalisation in bytes (ImageNet's is [124,116,104]).",
    }),
  augmentation: z.enum(["on", "none"]).default("on").meta({
    description:
      "One switch for the augmentation of training images: `none` shows them as evaluation does, once an epoch (no random crop, flip, policy, jitter, repeated view, erasing, Mixup or CutMix). It overrides those settings of a packaged recipe, and refuses to stand beside them.",
    timm: "no-aug (`none`; there it leaves Mixup and CutMix on)",
  }),
  cropScale: z
    .tuple([share, share])
    .default([0.08, 1])
    .meta({ description: "Random resized crop: range of its share of the image's area.", timm: "scale" }),
  cropRatio: z
    .tuple([positive, positive])
    .default([3 / 4, 4 / 3])
    .meta({ description: "Random resized crop: range of its width over its height.", timm: "ratio" }),
  sizeSchedule: z
    .array(z.tuple([imageSizeSchema(), belowOne]))
    .min(1)
    .readonly()
    .optional()
    .meta({
      description:
        "Progressive sizes: smaller images in the first epochs, each size with the share of the epochs at which it ends. `[[128,0.4],[176,0.7]]` has 128 pixels up to 40 % of the epochs, 176 up to 70 %, and then the model's own size, in which it is evaluated. Positions are interpolated. Default: one size.",
      timm: "train-img-sizes (there drawn for each batch)",
    }),
  crop: z.enum(["auto", "resized", "padded", "simple", "none"]).default("auto").meta({
    description:
      "Crop of training: `resized` (a random part of the image), `padded` (a random shift by up to 4 pixels), `simple` (DeiT III's), `none`; `auto`: `padded` up to 32 pixels, `resized` above.",
    timm: "train-crop-mode",
  }),
  interpolation: z.enum(["bilinear", "bicubic", "lanczos", "nearest", "random"]).default("bicubic").meta({
    description: "Interpolation in resizing; `random`: bilinear or bicubic in training, bicubic in evaluation.",
    timm: "train-interpolation",
  }),
  flip: share.default(0.5).meta({ description: "Probability of a horizontal flip.", timm: "hflip" }),
  verticalFlip: share.default(0).meta({ description: "Probability of a vertical flip.", timm: "vflip" }),
  autoAugment: z.string().default("rand-m9-mstd0.5-inc1").meta({
    description:
      "Augmentation policy in timm's notation: RandAugment, AutoAugment, AugMix; DeiT III's `3a`; or `none`.",
    timm: "aa",
  }),
  colorJitter: notNegative.default(0).meta({
    description: "Largest change of brightness, contrast and saturation from 1.",
    timm: "color-jitter",
  }),
  hueJitter: z.number().min(0).max(0.5).default(0).meta({ description: "Largest change of the hue, in turns." }),
  colorJitterProbability: share.default(1).meta({
    description: "Probability of the jitter of colours and hue.",
    timm: "color-jitter-prob",
  }),
  grayscaleProbability: share.default(0).meta({
    description: "Probability that an image loses its colours, after policy and jitter.",
    timm: "grayscale-prob",
  }),
  blurProbability: share.default(0).meta({
    description: "Probability of a Gaussian blur after that, with a deviation from 0.1 to 2 pixels (Pillow's).",
    timm: "gaussian-blur-prob",
  }),
  repeatedAugmentation: whole.max(64).default(3).meta({
    description: "Views of each image in a batch; 1 is off. An epoch keeps its length and sees fewer images.",
    timm: "aug-repeats",
  }),
  ...consistencySettings,
  sampling: z.enum(["all", "balanced", "squareRoot"]).default("all").meta({
    description:
      "Images of an epoch: `all` once; or as many, with the classes in equal numbers (`balanced`, as PyTorch's WeightedRandomSampler with weights inverse to their sizes) or by the square roots of their sizes (`squareRoot`). An image that is there again is seen in another view.",
  }),
  ...fragments(batchTransforms),

  distillation: names(distillationModes).default("none").meta({
    description:
      "Distillation: `hard` (the teacher's decision), `soft` (its distribution), `decoupled` (its distribution, target and other classes apart: DKD), `normalized` (the same by NKD's loss), `labels` (no teacher: true labels for both heads), or `none`.",
    timm: "kd-distill-type (`logit` is `soft`; `feature` is the setting `features`; `token` is `soft` or `hard` with `distilled`)",
  }),
  ...sharedDistillation,
  ...fragments(distillationModes),
  ...featureSettings,
  ...teacherSettings,

  seed: count.default(0).meta({ description: "Seed of all random numbers.", timm: "seed" }),
});

/** A recipe with every setting. */
export type Recipe = Readonly<z.infer<typeof recipeSchema>>;
/** A recipe as written: omitted settings take their defaults. */
export type RecipeSettings = z.input<typeof recipeSchema>;
