/** What a training run tells while it continues. */
import type { OpeningProgress } from "../../data/dataset/opening.js";
import type { EngineInfo } from "../../engines/engine.js";
import { type Message, Sentence } from "../../errors/sentence.js";
import type { EvalMetric } from "../../evaluation/eval-metric.js";
import type { EvaluationResult } from "../../evaluation/metrics.js";
import type { Model } from "../../models/model.js";

/** An event reported by `train` while it runs. */
export type TrainEvent =
  | {
      /** Images are processed by the model's body, for fitting its heads before the first step. */
      readonly kind: "fitting";
      /** Images that are done. */
      readonly images: number;
      /** Images in all. */
      readonly total: number;
    }
  | {
      /** Features of the frozen part are computed and stored, before the epoch that reads them first. */
      readonly kind: "storing";
      /** Images of the view that are done. */
      readonly images: number;
      /** Images of the view in all. */
      readonly total: number;
    }
  | ({
      /** Data is being opened: archives are listed, or files fetched. */
      readonly kind: "opening";
    } & OpeningProgress)
  | {
      /** The program of a step is compiled; the first step follows. */
      readonly kind: "start";
      /** The model that is trained. */
      readonly model: Model;
      /** Steps of the whole run. */
      readonly steps: number;
      /** Steps that are already done in a resumed run. */
      readonly stepsDone: number;
      /** Images of a step. */
      readonly batchSize: number;
      /** Runs of the program that make one step. */
      readonly accumulate: number;
      /** Images of the training part. */
      readonly images: number;
      /** Number of the model's parameters. */
      readonly parameters: number;
      /** The engine that computes. */
      readonly engine: EngineInfo;
      /** The part that `test` in the epochs refers to. */
      readonly testPart?: "validation" | "test";
      /** The measure by which epochs are ranked. */
      readonly evalMetric: EvalMetric;
    }
  | {
      /** A step is done. */
      readonly kind: "step";
      /** Its number, from 1 at the beginning of the run. */
      readonly step: number;
      /** Its loss. */
      readonly loss: number;
      /** Its learning rate. */
      readonly lr: number;
      /** Images of one run of the program, over all processes together. */
      readonly images: number;
      /** Share of the epoch's time so far spent waiting for data: near 1 the data is the limit, near 0 the device. */
      readonly loaderWait: number;
    }
  | {
      /** An epoch is done and evaluated. */
      readonly kind: "epoch";
      /** Its line of the log. */
      readonly record: EpochRecord;
    }
  | {
      /** The best weights were evaluated once on the test part, after they were chosen on the validation part. */
      readonly kind: "final";
      /** Accuracy and loss there. */
      readonly result: EvaluationResult;
    }
  | Warning;

/** Something that has gone wrong or may. `about` marks warnings that only matter while a run can still be changed. */
export interface Warning {
  /** Distinguishes warnings from other events. */
  readonly kind: "warning";
  /** A sentence for the user, which names settings as the library does. */
  readonly message: string;
  /** The message for callers that display setting names in their own way; present if it names settings. */
  readonly sentence?: Sentence;
  /** Set if the warning concerns a jump of the loss. */
  readonly about?: "loss jump";
}

export const warning = (text: Message): Warning => ({
  kind: "warning",
  message: String(text),
  ...(text instanceof Sentence ? { sentence: text } : {}),
});

/** Mean parts of a loss over the runs of an epoch, each with its weight. */
export interface LossParts {
  /** Against the labels. */
  readonly task: number;
  /** Against the predictions of the teacher. */
  readonly distillation?: number;
  /** Between layers of student and teacher (`features`). */
  readonly features?: number;
  /** Between the predictions for the pictures of an image (`augmentationSplits`). */
  readonly consistency?: number;
}

/** One line of the log. */
export interface EpochRecord {
  /** From 1; 0 means heads that were fitted before the first step. */
  readonly epoch: number;
  /** Optimizer steps done since the beginning of the run. */
  readonly step: number;
  /** Learning rate of the last step of the epoch. */
  readonly lr: number;
  /** Mean loss over the runs of the epoch. */
  readonly trainLoss: number;
  /** Its parts with their weights, whose sum it is; undefined if it has only one. */
  readonly lossParts?: LossParts;
  /** Percent of training views classified right, as augmented. */
  readonly trainTop1: number;
  /** Accuracy after the epoch on the part that the run is measured on; undefined if it is measured on nothing. */
  readonly test?: EvaluationResult;
  /** Training images per second over the whole epoch. */
  readonly imagesPerSecond: number;
  /** Share of the time spent waiting for data. */
  readonly loaderWait: number;
  /** Share of the time spent waiting for checkpoints. */
  readonly checkpointWait: number;
  /** Duration of the epoch without its evaluation. */
  readonly seconds: number;
}
