/** Soft distillation: the teacher's distribution at a temperature (paper, equation 2). */
import { z } from "zod";
import { mul, reduceSum } from "../../../tensor/index.js";
import { cooled, divergences } from "./divergence.js";
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
    const [, classes] = student.shape;
    const divergence = reduceSum(divergences(cooled(answer!, tau), mul(student, 1 / tau)), [1]);
    return mul(divergence, (tau * tau) / (normalization === "released" ? classes : 1));
  },
});
