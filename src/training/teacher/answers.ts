/** What a student hears of its teacher, wherever the answers come from. */
import type { Batch } from "../../data/loading/loader.js";
import type { Model } from "../../models/model.js";
import type { HostTensor } from "../../tensor/index.js";
import type { AnswerKind } from "../step/distillation/mode.js";

/** A teacher's answers to the batches of a run, whoever gives them. */
export interface TeacherAnswers {
  readonly kind: AnswerKind;
  /** The answer to a batch: int32 `[batch]`, or float32 `[batch, classes]`. `run` counts within the epoch. */
  answer(epoch: number, run: number, batch: Batch): Promise<HostTensor>;
  close(): Promise<void>;
}

/** A teacher that answers beside the student's step: a file of another library, or a function. */
export interface AnsweringTeacher {
  readonly kind: "answers";
  /** As the recipe names it, in its teacherWeights. */
  readonly name: string;
  /** Tells its answers from those of others; undefined where nobody can tell. */
  readonly identity?: string;
  /**
   * Loads it for batches of the student's views, `batch` of them at a time; `describe` names samples for messages. An
   * answer that is not a number is a TrainingError.
   */
  open(student: Model, batch: number, describe: (index: number) => string): Promise<TeacherAnswers>;
}
