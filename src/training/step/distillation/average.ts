/** The mean over a batch of what its images add to the distillation loss. */
import { argmax, compare, div, mean, mul, oneHot, reduceSum, select, type Tensor } from "../../../tensor/index.js";
import { cooled } from "./divergence.js";
import type { TeacherAnswer } from "./mode.js";

/** The classes that a teacher decides on, int32 `[batch]`; several on the largest mean of their probabilities. */
export const decisions = (answer: TeacherAnswer): Tensor =>
  answer.kind === "labels" ? answer.tensor : argmax(answer.kind === "mean" ? cooled(answer, 1) : answer.tensor, 1);

/**
 * The mean of `losses` `[batch]`. With weights of classes `[1, classes]` each image has that of the teacher's decision,
 * and they are divided by their sum, as PyTorch's `cross_entropy(weight=…)` and DeiT-LT do: so the size of the loss does
 * not depend on how often the teacher decides on a class.
 */
export function average(losses: Tensor, answer: TeacherAnswer, weights?: Tensor): Tensor {
  if (!weights) return mean(losses);
  const own = reduceSum(mul(oneHot(decisions(answer), weights.shape[1]), weights), [1]);
  const total = reduceSum(own);
  // Where all of a batch have a weight of 0 it teaches nothing.
  return div(reduceSum(mul(losses, own)), select(compare("GT", total, 0), total, 1));
}
