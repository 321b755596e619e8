/** Targets of the losses: labels as distributions, float32 `[batch, classes]`. */
import { add, cast, compare, mul, oneHot, type Tensor } from "../../../tensor/index.js";

/** Labels `[batch]` (int32) as distributions, smoothed by ε: 1-ε on the label plus ε spread over all classes. */
export function smoothedTargets(labels: Tensor, classes: number, epsilon: number): Tensor {
  const hit = oneHot(labels, classes);
  return epsilon === 0 ? hit : add(mul(hit, 1 - epsilon), epsilon / classes);
}

/** Binary targets: 1 above the threshold, otherwise 0 (as in the original code, with 0). */
export function thresholded(target: Tensor, threshold: number): Tensor {
  return cast(compare("GT", target, threshold), "float32");
}
