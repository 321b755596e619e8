/** No teacher: the head of the distillation token learns the true labels too, the paper's control (section 5.3). */
import { distillationMode, type Weighted, weightsOf } from "./mode.js";

export const labels = distillationMode({
  settings: {},
  options: (settings): Omit<Weighted, "on"> => weightsOf(settings),
  loss: (student, { target, loss }) => loss(student, target),
});
