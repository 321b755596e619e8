/** AdamW, as computed by PyTorch. */
import { add, div, mul, sqrt, sub } from "../../../tensor/index.js";
import { gate, keptShare, optimizerKind, scalarInput, shared, stateInput, times } from "./optimizer.js";

/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101), decay decoupled from the gradient. With c₁ = 1-β₁ᵗ and c₂ = 1-β₂ᵗ,
 * m/c₁ / (√(v/c₂) + ε) is written as (√c₂/c₁) · m / (√v + ε√c₂), so the corrections cost nothing per element.
 */
export const adamw = optimizerKind({
  settings: { betas: shared.betas, epsilon: shared.epsilon, weightDecay: shared.weightDecay },
  build: ({ betas: [beta1, beta2], epsilon, weightDecay }, factor) => {
    const names = (p: string) => [`optimizer.exp_avg.${p}`, `optimizer.exp_avg_sq.${p}`] as const;
    return {
      stateNames: ({ name }) => names(name),
      scalars: (lr, step) => {
        const c1 = 1 - beta1 ** step;
        const root2 = Math.sqrt(1 - beta2 ** step);
        return {
          "adamw.stepSize": (lr * root2) / c1,
          "adamw.epsilon": epsilon * root2,
          "adamw.keep": 1 - lr * weightDecay,
        };
      },
      update: (spec, parameter, gradient, proceed) => {
        const [first, second] = names(spec.name);
        const gated = gate(proceed);
        const m = add(mul(stateInput(first, spec), gated(beta1, 1)), mul(gradient, 1 - beta1));
        const squared = mul(mul(gradient, gradient), 1 - beta2);
        const v = add(mul(stateInput(second, spec), gated(beta2, 1)), squared);
        const f = factor(spec.name);
        const stepSize = gated(times(scalarInput("adamw.stepSize"), f), 0);
        const step = mul(div(m, add(sqrt(v), scalarInput("adamw.epsilon"))), stepSize);
        const keep = keptShare(scalarInput("adamw.keep"), f);
        const kept = spec.decay && weightDecay !== 0 ? mul(parameter, gated(keep, 1)) : parameter;
        return new Map([
          [spec.name, sub(kept, step)],
          [first, m],
          [second, v],
        ]);
      },
    };
  },
});
