/** What fine-tuning may be told, what it tells, and what it returns. */
import { UsageError } from "../errors/errors.js";
import {
  abortSignal,
  aFunction,
  checkOptions,
  type OptionChecks,
  positive,
  shown,
  wholeFrom,
} from "../errors/options.js";
import type { TrainingRecord } from "../evaluation/training-record.js";
import type { EvaluationView } from "../evaluation/view.js";
import type { Model } from "../models/model.js";
import type { NamedTensors } from "../tensor/index.js";

/** How a classifier is fine-tuned. */
export interface FineTuneOptions {
  /** Blocks at the end that are trained with the head; 0 (the default) fits the head alone to what the body sees. */
  readonly blocks?: number;
  /** Share of each class that is held out to measure the result, below 1 (default: 0.2; 0 measures nothing). */
  readonly validation?: number;
  /** Passes over the images when blocks are trained (default: 10 for up to 200 images, otherwise 5). */
  readonly epochs?: number;
  /** Largest learning rate of AdamW when blocks are trained (default: 1e-4). */
  readonly learningRate?: number;
  /** Images of one step when blocks are trained (default: 16, or all if there are fewer). */
  readonly batchSize?: number;
  /**
   * Views of each image, cropped and mirrored at random, that are learned from besides its own (default: none for the
   * head alone, one if blocks are trained). `true` is one, `false` none.
   */
  readonly augment?: boolean | number;
  /** Seed of all that is random (default: 0). */
  readonly seed?: number;
  /** Stops the training, which then rejects with an InterruptedError. */
  readonly signal?: AbortSignal;
  /** Told of everything that happens, in order. */
  readonly onEvent?: (event: FineTuneEvent) => void;
}

/** Loss and accuracy after an epoch. */
export interface FineTuneEpoch {
  /** Counted from 1. */
  readonly epoch: number;
  /** Number of all epochs; the head alone is fitted at once, which counts as one. */
  readonly epochs: number;
  /** Mean cross entropy over the images that were trained on. */
  readonly loss: number;
  /** Those of them whose most likely class is right, in percent. */
  readonly top1: number;
  /** The same of the images that were held out. */
  readonly validation?: {
    /** Images whose most likely class is right, in percent. */
    readonly top1: number;
    /** Mean cross entropy. */
    readonly loss: number;
  };
}

/** What fine-tuning tells while it runs. */
export type FineTuneEvent =
  | {
      /** The images are read. */
      readonly kind: "start";
      /** Names of the classes in the order of the outputs. */
      readonly classes: readonly string[];
      /** Images that are trained on. */
      readonly training: number;
      /** Images that are held out. */
      readonly heldOut: number;
      /** Passes over the images. */
      readonly epochs: number;
    }
  | {
      /** The frozen part of the model has seen more views. */
      readonly kind: "features";
      /** Views so far. */
      readonly done: number;
      /** All views. */
      readonly total: number;
    }
  | ({
      /** An epoch has ended. */
      readonly kind: "epoch";
    } & FineTuneEpoch)
  | {
      /** Something about the images that affects the result. */
      readonly kind: "warning";
      /** One sentence. */
      readonly message: string;
    };

/** How a classifier answers for the images that were held out. */
export interface HeldOut {
  /** Images whose most likely class is right, in percent. */
  readonly top1: number;
  /** Number of the images. */
  readonly count: number;
  /** Images of each class (row) by the class that was predicted (column). */
  readonly confusion: readonly (readonly number[])[];
  /** Names of the classes. */
  readonly classes: readonly string[];
}

/** What fine-tuning has made. */
export interface FineTuned {
  /** The model with the new classes. */
  readonly model: Model;
  /** All of its parameters by name. */
  readonly weights: NamedTensors;
  /** How images are preprocessed for it: as for the classifier that it began with. */
  readonly view: EvaluationView;
  /** Names of the classes in the order of the outputs. */
  readonly classes: readonly string[];
  /** One record for each epoch. */
  readonly history: readonly FineTuneEpoch[];
  /** The result on the images that were held out; undefined if none were. */
  readonly heldOut?: HeldOut;
  /** What was chosen, by the names of options. */
  readonly settings: FineTuneSettings;
  /** How it was trained, as files of its weights say it. */
  readonly training: TrainingRecord;
}

/** The options with their defaults filled in. */
export interface FineTuneSettings {
  /** Blocks that were trained with the head. */
  readonly blocks: number;
  /** Share of each class that was held out. */
  readonly validation: number;
  /** Passes over the images. */
  readonly epochs: number;
  /** Largest learning rate. */
  readonly learningRate: number;
  /** Images of one step. */
  readonly batchSize: number;
  /** Views of each image besides its own. */
  readonly augment: number;
  /** Seed of all that is random. */
  readonly seed: number;
}

const checks: OptionChecks<FineTuneOptions> = {
  ...{ blocks: wholeFrom(0), epochs: wholeFrom(1), batchSize: wholeFrom(1), learningRate: positive },
  validation: { allows: (v) => typeof v === "number" && v >= 0 && v < 1, expected: "a share from 0 to below 1" },
  augment: {
    allows: (v) => typeof v === "boolean" || (Number.isInteger(v) && (v as number) >= 0),
    expected: "true, false, or a number of views",
  },
  ...{ seed: wholeFrom(0), signal: abortSignal, onEvent: aFunction },
};

/** Throws UsageError for an option that is not allowed, or that nothing would read. */
export function checkFineTuneOptions(options: FineTuneOptions): void {
  checkOptions("fineTune", options, checks);
  if ((options.blocks ?? 0) > 0) return;
  for (const name of ["epochs", "learningRate", "batchSize"] as const)
    if (options[name] !== undefined)
      throw new UsageError(
        `The option ${name} of fineTune is ${shown(options[name])}, but the head alone is fitted without steps; leave it out, or train blocks too.`,
      );
}

/** The settings for this many images to train on. */
export function settingsFor(options: FineTuneOptions, images: number): FineTuneSettings {
  const { blocks = 0, validation = 0.2, seed = 0, augment = blocks > 0, learningRate = 1e-4 } = options;
  const { epochs = images <= 200 ? 10 : 5, batchSize = 16 } = options;
  return {
    ...{ blocks, validation, seed, augment: Number(augment), learningRate },
    epochs: blocks === 0 ? 1 : epochs,
    batchSize: Math.min(batchSize, images),
  };
}
