/** The teacher outputs for a student, independent of their source. */
import type { Batch } from "../../data/loading/loader.js";
import type { Model } from "../../models/model.js";
import type { NamedTensors } from "../../tensor/index.js";
import type { AnswerKind } from "../step/distillation/mode.js";
import type { FeatureDistillation } from "../step/features.js";
import type { Answer } from "../step/taught.js";

/** A teacher's outputs for the batches of a run, from any source. */
export interface TeacherAnswers {
  readonly kind: AnswerKind;
  /** The teacher that stored outputs are of. */
  readonly identity?: string;
  /** What its features are of, if there are any. */
  readonly features?: readonly FeatureDistillation[];
  /** The outputs for a batch. `run` counts within the epoch. */
  answer(epoch: number, run: number, batch: Batch): Promise<Answer>;
  close(): Promise<void>;
}

/** What teachers outside the program say of the batches of a run, as inputs of the program. */
export interface TaughtBatches {
  /** The inputs for a batch, by their names. `run` counts within the epoch. */
  answer(epoch: number, run: number, batch: Batch): Promise<NamedTensors>;
  close(): Promise<void>;
}

/** A teacher that runs concurrently with the student's step: a file from a different library, or a function. */
export interface AnsweringTeacher {
  readonly kind: "answers";
  /** As named in the recipe's teacherWeights. */
  readonly name: string;
  /** Distinguishes its outputs from those of others; undefined if unknown. */
  readonly identity?: string;
  /**
   * Loads it for batches of `batch` student views; `describe` names samples for messages. An output that is not finite
   * is a TrainingError.
   */
  open(student: Model, batch: number, describe: (index: number) => string): Promise<TeacherAnswers>;
}
