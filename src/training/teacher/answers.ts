/** What a student hears of its teacher, wherever the answers come from. */
import type { Batch } from "../../data/loading/loader.js";
import type { HostTensor } from "../../tensor/index.js";
import type { AnswerKind } from "../step/distillation/mode.js";

/** A teacher's answers to the batches of a run, whoever gives them. */
export interface TeacherAnswers {
  readonly kind: AnswerKind;
  /** The answer to a batch: int32 `[batch]`, or float32 `[batch, classes]`. `run` counts within the epoch. */
  answer(epoch: number, run: number, batch: Batch): Promise<HostTensor>;
  close(): Promise<void>;
}
