/** Predictions without the target class, which decoupled losses compare on their own. */
import { argmax, mul, oneHot, sub, type Tensor } from "../../../tensor/index.js";

/** Subtracted from the target's logit, so that its share of the others' distribution is 0. */
const far = 1000;

/**
 * The targets' classes one-hot, `[batch, classes]`: of an image mixed of two, that with the larger share, and of equal
 * shares the first.
 */
export const targetClasses = (target: Tensor): Tensor => oneHot(argmax(target, 1), target.shape[1]);

/** Logits whose softmax is spread over the classes other than the one marked by `one`. */
export const others = (logits: Tensor, one: Tensor): Tensor => sub(logits, mul(one, far));
