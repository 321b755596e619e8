/** What modes that compare distributions share. */
import { UsageError } from "../../../errors/errors.js";
import { add, exp, log, logSoftmax, max, mul, softmax, stopGradient, sub, type Tensor } from "../../../tensor/index.js";
import type { SharedLogits, TeacherAnswer } from "./mode.js";

/**
 * A teacher's logits at a temperature, `[batch, classes]`; it learns nothing. Of several teachers the softmax of these is
 * the mean of their probabilities at that temperature.
 */
export function cooled(answer: TeacherAnswer, tau: number): Tensor {
  if (answer.kind === "mean") return stopGradient(logOfMean(answer.of, tau));
  if (answer.kind === "labels")
    throw new UsageError(
      "The distillation compares distributions, but only the predicted classes of the teacher are given; give its logits.",
    );
  return stopGradient(mul(answer.tensor, 1 / tau));
}

/** log Σ share · softmax(logits / τ), from differences to the largest term, so that none underflows. */
function logOfMean(of: readonly SharedLogits[], tau: number): Tensor {
  const terms = of.map(({ logits, share }) => add(logSoftmax(mul(logits, 1 / tau)), Math.log(share)));
  const largest = terms.reduce((a, b) => max(a, b));
  return add(log(terms.map((term) => exp(sub(term, largest))).reduce((a, b) => add(a, b))), largest);
}

/** KL(teacher ‖ student) of each class, `[batch, classes]`, to be summed. */
export const divergences = (teacher: Tensor, student: Tensor): Tensor =>
  mul(softmax(teacher), sub(logSoftmax(teacher), logSoftmax(student)));
