/** Decoupled distillation (DKD, Zhao et al., CVPR 2022): target and other classes are compared apart. */
import { z } from "zod";
import { add, mul, reduceSum, softmax, sub, type Tensor } from "../../../tensor/index.js";
import type { Settings } from "../settings.js";
import { cooled, divergences } from "./divergence.js";
import { distillationMode, type shared, temperature, type Weighted, weightsOf } from "./mode.js";
import { others, targetClasses } from "./non-target.js";

export interface Decoupled extends Weighted {
  /** Temperature τ. */
  readonly tau: number;
  /** Weight of the part that compares the target class with all others together (the article's α). */
  readonly target: number;
  /** Weight of the part that compares the other classes among themselves (its β). */
  readonly others: number;
}

/** Settings that the modes of parts read besides those of all. */
export const partSettings = {
  ...temperature,
  targetPartWeight: z.number().min(0).default(1).meta({
    description: "Modes `decoupled` and `normalized`: weight of the part about the target class.",
  }),
  otherPartWeight: z.number().min(0).optional().meta({
    description:
      "The same modes: weight of the part about all other classes. Default: 0.5 for `decoupled`, as its article has it for ImageNet (for CIFAR: 8 with `distillationTau` 4), and 1.5 for `normalized`.",
  }),
};

/** Their constants; `others` is the weight of the other classes unless the recipe gives one. */
export const partsOf = (
  settings: Settings<typeof shared> & Settings<typeof partSettings>,
  on: "distillation" | "class",
  others: number,
): Decoupled => ({
  ...weightsOf(settings),
  on,
  tau: settings.distillationTau,
  target: settings.targetPartWeight,
  others: settings.otherPartWeight ?? others,
});

/** KL divergence of each row, `[batch]`. */
const divergence = (teacher: Tensor, student: Tensor): Tensor => reduceSum(divergences(teacher, student), [1]);

export const decoupled = distillationMode({
  needs: "logits",
  settings: partSettings,
  options: (settings, on) => partsOf(settings, on, 0.5),
  /**
   * KL(teacher ‖ student) is the divergence in the target class's probability plus that among the others, times the
   * teacher's probability of the others; here each part has a weight of its own.
   */
  loss: (student, { target, answer }, options) => {
    const { tau } = options;
    const one = targetClasses(target);
    const [s, t] = [mul(student, 1 / tau), cooled(answer!, tau)];
    const among = divergence(others(t, one), others(s, one));
    const rest = sub(1, reduceSum(mul(softmax(t), one), [1]));
    const binary = sub(divergence(t, s), mul(rest, among));
    return mul(add(mul(binary, options.target), mul(among, options.others)), tau * tau);
  },
});
