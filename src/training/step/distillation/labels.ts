/** No teacher: the head of the distillation token learns the true labels too, the paper's control (section 5.3). */
import { distillationMode, type Weighted } from "./mode.js";

export const labels = distillationMode({
  settings: {},
  options: ({ distillationAlpha }): Pick<Weighted, "alpha"> => ({ alpha: distillationAlpha }),
  loss: (student, { target, loss }) => loss(student, target),
});
