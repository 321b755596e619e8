/** Refuses teacher outputs that are not finite: they are neither learnt from nor stored. */
import { TrainingError } from "../../errors/errors.js";

/** The message for a teacher whose output for an image is infinite or NaN. */
export function brokenTeacherSentence(teacher: string | undefined, image: string | undefined): string {
  const whose = teacher === undefined ? "the teacher" : `the teacher in "${teacher}"`;
  const which = image === undefined ? "an image" : `"${image}"`;
  return `The answer of ${whose} to ${which} is not a number (infinite or NaN), so nothing was learned from it or stored. Its weights overflow, as half-precision exports often do; export it in float32, or use another teacher.`;
}

export interface AnswerNames {
  readonly teacher: string;
  /** Name of the image in a row of the outputs. */
  readonly image: (row: number) => string;
}

/** Throws TrainingError with the names if one of the logits, in `rows` rows, is infinite or NaN. */
export function requireFiniteAnswers(logits: ArrayLike<number>, rows: number, { teacher, image }: AnswerNames): void {
  const classes = logits.length / rows;
  for (let i = 0; i < logits.length; i++)
    if (!Number.isFinite(logits[i]))
      throw new TrainingError(brokenTeacherSentence(teacher, image(Math.floor(i / classes))));
}
