/** Normalised distillation (NKD, Yang et al., ICCV 2023), of the authors of ViTKD: DKD with cross entropies. */
import { add, logSoftmax, mul, reduceSum, softmax } from "../../../tensor/index.js";
import { partSettings, partsOf } from "./decoupled.js";
import { cooled } from "./divergence.js";
import { distillationMode } from "./mode.js";
import { others, targetClasses } from "./non-target.js";

export const normalized = distillationMode({
  needs: "logits",
  settings: partSettings,
  options: (settings, on) => partsOf(settings, on, 1.5),
  /**
   * The target's part is the cross entropy of its probability, at temperature 1; that of the others the cross entropy
   * of their distributions, each normalised to a sum of 1, at the temperature τ.
   */
  loss: (student, { target, answer }, { tau, target: alpha, others: gamma }) => {
    const one = targetClasses(target);
    const inTarget = reduceSum(mul(mul(softmax(cooled(answer!, 1)), one), logSoftmax(student)), [1]);
    const [s, t] = [mul(student, 1 / tau), cooled(answer!, tau)];
    const among = reduceSum(mul(softmax(others(t, one)), logSoftmax(others(s, one))), [1]);
    return mul(add(mul(inTarget, alpha), mul(among, gamma * tau * tau)), -1);
  },
});
