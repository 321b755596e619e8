/** The distillation modes by their names in recipes: one file and one line each. */
import type { Logits } from "../../../models/model.js";
import { add, mul, type Tensor } from "../../../tensor/index.js";
import { crossEntropy } from "../losses/cross-entropy.js";
import { average } from "./average.js";
import { decoupled } from "./decoupled.js";
import { hard } from "./hard.js";
import { labels } from "./labels.js";
import type { AnswerKind, DistillationMode, Lessons, Weighted } from "./mode.js";
import { none } from "./none.js";
import { normalized } from "./normalized.js";
import { soft } from "./soft.js";

export const distillationModes = { none, soft, hard, labels, decoupled, normalized };

/** Names of the modes. */
export type DistillationName = keyof typeof distillationModes;

/** How a teacher's outputs enter the loss: a mode and its constants. */
export type Distillation = {
  readonly [K in DistillationName]: {
    /** Name of the mode. */
    readonly kind: K;
  } & ReturnType<(typeof distillationModes)[K]["options"]>;
}[DistillationName];

/** Which teacher outputs a mode needs; undefined if it has no teacher. */
export const neededAnswer = (name: DistillationName): AnswerKind | undefined => distillationModes[name].needs;

/** Parts of a loss, each with its weight. */
export interface DistilledParts {
  /** Against the labels. */
  readonly task: Tensor;
  /** Against the teacher. */
  readonly distillation?: Tensor;
}

/**
 * `base` and the mode's loss with their weights, (1-α) · base + α · loss unless the task has a weight of its own.
 * `student` are the two heads' logits; modes that need a missing distillation token or teacher leave `base` unchanged.
 */
export function distilledParts(
  base: Tensor,
  student: Logits,
  lessons: Lessons,
  distillation: Distillation,
): DistilledParts {
  const mode: DistillationMode = distillationModes[distillation.kind];
  const { alpha, task = alpha === undefined ? 1 : 1 - alpha, on = "distillation" } = distillation as Partial<Weighted>;
  const head = on === "distillation" ? student.distillation : student.logits;
  const learning = head ?? (mode.needs ? student.logits : undefined);
  if (!mode.loss || !learning || alpha === undefined || (mode.needs && !lessons.answer)) return { task: base };
  const loss = mode.loss(learning, lessons, distillation);
  const { answer, weights } = lessons;
  return { task: mul(base, task), distillation: mul(mode.needs ? average(loss, answer!, weights) : loss, alpha) };
}

/** The sum of both. */
export function distilled(base: Tensor, student: Logits, lessons: Lessons, distillation: Distillation): Tensor {
  const { task, distillation: taught } = distilledParts(base, student, lessons, distillation);
  return taught ? add(task, taught) : task;
}

/**
 * The same sum for distilled logits and a teacher's, all `[batch, classes]`. `target` are class distributions, which
 * modes read that tell the target class from the others (default: the teacher's).
 */
export function distilledLoss(
  base: Tensor,
  student: Tensor,
  teacher: Tensor,
  distillation: Distillation,
  target: Tensor = teacher,
): Tensor {
  const lessons = { target, loss: crossEntropy, answer: { kind: "logits", tensor: teacher } } as const;
  return neededAnswer(distillation.kind)
    ? distilled(base, { logits: student, distillation: student }, lessons, distillation)
    : base;
}
