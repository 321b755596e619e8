/** Hard distillation: the teacher's predicted class as a label (paper, equation 3). */
import { argmax, oneHot } from "../../../tensor/index.js";
import { crossEntropy } from "../losses/cross-entropy.js";
import { distillationMode, type Weighted, weightsOf } from "./mode.js";

export const hard = distillationMode({
  needs: "labels",
  settings: {},
  options: (settings, on): Weighted => ({ ...weightsOf(settings), on }),
  /** Cross entropy with the teacher's predicted class, never smoothed (section 4). */
  loss: (student, { answer }) => {
    const { kind, tensor } = answer!;
    const labels = kind === "labels" ? tensor : argmax(tensor, 1);
    return crossEntropy(student, oneHot(labels, student.shape[1]));
  },
});
