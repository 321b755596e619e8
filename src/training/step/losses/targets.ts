/** Targets of the losses: labels as distributions, float32 `[batch, classes]`. */
import {
  add,
  cast,
  compare,
  div,
  mul,
  oneHot,
  reduceSum,
  reshape,
  select,
  type Tensor,
} from "../../../tensor/index.js";

/** Labels `[batch]` (int32) as distributions, smoothed by ε: 1-ε on the label plus ε spread over all classes. */
export function smoothedTargets(labels: Tensor, classes: number, epsilon: number): Tensor {
  const hit = oneHot(labels, classes);
  return epsilon === 0 ? hit : add(mul(hit, 1 - epsilon), epsilon / classes);
}

/** Binary targets: 1 above the threshold, otherwise 0 (as in the original code, with 0). */
export function thresholded(target: Tensor, threshold: number): Tensor {
  return cast(compare("GT", target, threshold), "float32");
}

/**
 * Targets times the weights of their classes, `[1, classes]`: cross entropy with them is PyTorch's `cross_entropy(weight=…)` of class
 * distributions, so an image mixed from two classes has each at its own weight.
 */
export const weightedTargets = (target: Tensor, weights: Tensor): Tensor => mul(target, weights);

/**
 * Weight of each image, `[batch, 1]`: the mean of its classes' weights by their shares of the target. The weights of
 * single classes would not do where each class is a question of its own: they would weigh its "no" as much as its "yes".
 */
export function imageWeights(target: Tensor, weights: Tensor): Tensor {
  const [batch] = target.shape;
  const total = reduceSum(target, [1]);
  // A target without any class, as a threshold may leave, has no weight of its own.
  const some = compare("GT", total, 0);
  const mean = div(reduceSum(weightedTargets(target, weights), [1]), select(some, total, 1));
  return reshape(select(some, mean, 1), [batch, 1]);
}
