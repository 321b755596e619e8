/** Hard distillation: the teacher's predicted class as a label (paper, equation 3). */
import { oneHot } from "../../../tensor/index.js";
import { crossEntropies } from "../losses/cross-entropy.js";
import { decisions } from "./average.js";
import { distillationMode, type Weighted, weightsOf } from "./mode.js";

export const hard = distillationMode({
  needs: "labels",
  settings: {},
  options: (settings, on): Weighted => ({ ...weightsOf(settings), on }),
  /** Cross entropy with the teacher's predicted class, never smoothed (section 4). */
  loss: (student, { answer }) => crossEntropies(student, oneHot(decisions(answer!), student.shape[1])),
});
