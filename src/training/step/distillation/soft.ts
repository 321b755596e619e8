/** Soft distillation: the teacher's distribution at a temperature (paper, equation 2). */
import { z } from "zod";
import { logSoftmax, mul, reduceSum, softmax, stopGradient, sub } from "../../../tensor/index.js";
import { distillationMode, temperature, type Weighted, weightsOf } from "./mode.js";

export interface Soft extends Weighted {
  /** Temperature τ. */
  readonly tau: number;
  /** KL averaged over the batch, times τ² (`paper`), or also divided by the number of classes (`released`). */
  readonly normalization: "paper" | "released";
}

export const soft = distillationMode({
  needs: "logits",
  settings: {
    ...temperature,
    distillationNormalization: z.enum(["paper", "released"]).default("paper").meta({
      description:
        "Soft loss averaged over the batch (`paper`, equation 2), or over batch and classes as in the `released` program.",
    }),
  },
  options: (settings, on): Soft => ({
    ...weightsOf(settings),
    on,
    tau: settings.distillationTau,
    normalization: settings.distillationNormalization,
  }),
  loss: (student, { answer }, { tau, normalization }) => {
    const [batch, classes] = student.shape;
    const cooled = stopGradient(mul(answer!.tensor, 1 / tau));
    const divergence = reduceSum(mul(softmax(cooled), sub(logSoftmax(cooled), logSoftmax(mul(student, 1 / tau)))));
    return mul(divergence, (tau * tau) / (normalization === "released" ? batch * classes : batch));
  },
});
