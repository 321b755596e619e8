/** Losses of training and distillation (paper, section 4). All take logits and targets `[batch, classes]`, give a scalar. */
import {
  abs,
  add,
  argmax,
  cast,
  compare,
  exp,
  log,
  logSoftmax,
  max,
  mean,
  mul,
  neg,
  oneHot,
  reduceSum,
  sigmoid,
  softmax,
  stopGradient,
  sub,
  type Tensor,
} from "../../tensor/index.js";

/** Labels `[batch]` (int32) as distributions, smoothed by ε: 1-ε on the label plus ε spread over all classes. */
export function smoothedTargets(labels: Tensor, classes: number, epsilon: number): Tensor {
  const hit = oneHot(labels, classes);
  return epsilon === 0 ? hit : add(mul(hit, 1 - epsilon), epsilon / classes);
}

/** Mean over the batch of -Σ target · log softmax(logits). */
export function crossEntropy(logits: Tensor, target: Tensor): Tensor {
  return mul(reduceSum(mul(target, logSoftmax(logits))), -1 / logits.shape[0]);
}

/** Binary cross entropy of each class on its own, mean over batch and classes (timm's `--bce-loss`). */
export function binaryCrossEntropy(logits: Tensor, target: Tensor): Tensor {
  // max(x, 0) - x·t + log(1 + e^-|x|) never overflows.
  return mean(add(sub(max(logits, 0), mul(logits, target)), log(add(exp(neg(abs(logits))), 1))));
}

/** Distributions as plain yes or no: 1 above the threshold, otherwise 0 (the released program's, at 0). */
export function thresholded(target: Tensor, threshold: number): Tensor {
  return cast(compare("GT", target, threshold), "float32");
}

/**
 * Co-training of two submodels (arXiv 2212.04884): `first` and `second` are the logits of the same images under other
 * stochastic depth. A quarter each: both with the labels, and each with the other's answer, through which no gradient
 * flows.
 */
export function cosubLoss(first: Tensor, second: Tensor, target: Tensor): Tensor {
  const answer = (logits: Tensor) => stopGradient(sigmoid(logits));
  const parts = [
    binaryCrossEntropy(first, target),
    binaryCrossEntropy(second, target),
    binaryCrossEntropy(first, answer(second)),
    binaryCrossEntropy(second, answer(first)),
  ];
  return mul(parts.reduce(add), 0.25);
}

/** How a teacher's answers enter the loss. */
export type Distillation =
  | { readonly kind: "none" }
  /** No teacher: the second head learns the true labels too, the paper's control (section 5.3). */
  | { readonly kind: "labels"; readonly alpha: number }
  /** The teacher's decision as a label. */
  | { readonly kind: "hard"; readonly alpha: number; readonly on: "distillation" | "class" }
  /**
   * The teacher's distribution at temperature τ. `paper`: KL averaged over the batch, times τ² (equation 2).
   * `released`: the released program also divides by the number of classes.
   */
  | {
      readonly kind: "soft";
      readonly alpha: number;
      readonly tau: number;
      readonly normalization: "paper" | "released";
      readonly on: "distillation" | "class";
    };

/** Whether a method learns from a teacher. */
export function needsTeacher(
  distillation: Distillation,
): distillation is Extract<Distillation, { kind: "hard" | "soft" }> {
  return distillation.kind === "hard" || distillation.kind === "soft";
}

/** What is known of the teacher's answer: its logits `[batch, classes]`, or its decisions, int32 `[batch]`. */
export type TeacherAnswer =
  | { readonly kind: "logits"; readonly tensor: Tensor }
  | { readonly kind: "labels"; readonly tensor: Tensor };

/** (1-α) · base + α · distillation, where the student's distilled logits meet the teacher's. */
export function distilledLoss(base: Tensor, student: Tensor, teacher: Tensor, distillation: Distillation): Tensor {
  return taughtLoss(base, student, { kind: "logits", tensor: teacher }, distillation);
}

/** `distilledLoss` from logits or, for hard distillation, from decisions. */
export function taughtLoss(base: Tensor, student: Tensor, teacher: TeacherAnswer, distillation: Distillation): Tensor {
  if (!needsTeacher(distillation)) return base;
  const { alpha } = distillation;
  const extra =
    distillation.kind === "hard" ? hardLoss(student, teacher) : softLoss(student, teacher.tensor, distillation);
  return add(mul(base, 1 - alpha), mul(extra, alpha));
}

/** Cross entropy with the teacher's decision, never smoothed (section 4). */
function hardLoss(student: Tensor, { kind, tensor }: TeacherAnswer): Tensor {
  const labels = kind === "labels" ? tensor : argmax(tensor, 1);
  return crossEntropy(student, oneHot(labels, student.shape[1]));
}

function softLoss(
  student: Tensor,
  teacher: Tensor,
  { tau, normalization }: Extract<Distillation, { kind: "soft" }>,
): Tensor {
  const [batch, classes] = student.shape;
  const cooled = stopGradient(mul(teacher, 1 / tau));
  const divergence = reduceSum(mul(softmax(cooled), sub(logSoftmax(cooled), logSoftmax(mul(student, 1 / tau)))));
  return mul(divergence, (tau * tau) / (normalization === "released" ? batch * classes : batch));
}
