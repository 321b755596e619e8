/** What modes that compare distributions share. */
import { logSoftmax, mul, softmax, stopGradient, sub, type Tensor } from "../../../tensor/index.js";

/** The teacher's logits at a temperature; it learns nothing. */
export const cooled = (logits: Tensor, tau: number): Tensor => stopGradient(mul(logits, 1 / tau));

/** KL(teacher ‖ student) of each class, `[batch, classes]`, to be summed. */
export const divergences = (teacher: Tensor, student: Tensor): Tensor =>
  mul(softmax(teacher), sub(logSoftmax(teacher), logSoftmax(student)));
