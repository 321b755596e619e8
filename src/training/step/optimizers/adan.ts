/** Adan (Xie et al., arXiv 2208.06677): Nesterov momentum from differences of gradients, as computed by timm. */
import { z } from "zod";
import { add, div, mul, sqrt, sub } from "../../../tensor/index.js";
import { belowOne } from "../settings.js";
import { gate, optimizerKind, scalarInput, shared, stateInput, times } from "./optimizer.js";

/**
 * Averages of the gradient g, of its difference d from the one before (0 at first), and of (g + β₂d)². Decay divides the
 * new parameter by 1 + lr · decay. The corrections 1-βᵗ are in scalars, as in AdamW.
 */
export const adan = optimizerKind({
  settings: {
    adanBetas: z.tuple([belowOne, belowOne, belowOne]).readonly().default([0.98, 0.92, 0.99]).meta({
      description:
        "Adan: decay of the averages of the gradient, of its differences, and of the square of both together (timm's `opt-betas`).",
    }),
    epsilon: shared.epsilon,
    weightDecay: shared.weightDecay,
  },
  build: ({ adanBetas: [beta1, beta2, beta3], epsilon, weightDecay }, factor) => {
    const names = (p: string) =>
      [
        `optimizer.exp_avg.${p}`,
        `optimizer.exp_avg_diff.${p}`,
        `optimizer.exp_avg_sq.${p}`,
        `optimizer.pre_grad.${p}`,
      ] as const;
    return {
      stateNames: ({ name }) => names(name),
      scalars: (lr, step) => {
        const root3 = Math.sqrt(1 - beta3 ** step);
        return {
          "adan.step": (lr * root3) / (1 - beta1 ** step),
          "adan.difference": (lr * beta2 * root3) / (1 - beta2 ** step),
          "adan.epsilon": epsilon * root3,
          "adan.decay": lr * weightDecay,
          "adan.compares": step > 1 ? 1 : 0,
        };
      },
      update: (spec, parameter, gradient, proceed) => {
        const [first, second, third, before] = names(spec.name);
        const gated = gate(proceed);
        const f = factor(spec.name);
        const last = stateInput(before, spec);
        const difference = mul(sub(gradient, last), gated(scalarInput("adan.compares"), 0));
        const m = add(mul(stateInput(first, spec), gated(beta1, 1)), mul(gradient, 1 - beta1));
        const d = add(mul(stateInput(second, spec), gated(beta2, 1)), mul(difference, 1 - beta2));
        const both = add(gradient, mul(difference, beta2));
        const n = add(mul(stateInput(third, spec), gated(beta3, 1)), mul(mul(both, both), 1 - beta3));
        const rate = (name: string) => gated(times(scalarInput(name), f), 0);
        const step = div(
          add(mul(m, rate("adan.step")), mul(d, rate("adan.difference"))),
          add(sqrt(n), scalarInput("adan.epsilon")),
        );
        const moved = sub(parameter, step);
        const decayed = spec.decay && weightDecay !== 0 ? div(moved, add(rate("adan.decay"), 1)) : moved;
        return new Map([
          [spec.name, decayed],
          [first, m],
          [second, d],
          [third, n],
          [before, add(mul(last, gated(0, 1)), gradient)],
        ]);
      },
    };
  },
});
