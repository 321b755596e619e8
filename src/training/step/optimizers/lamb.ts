/** LAMB (You et al., arXiv 1904.00962): AdamW's step, scaled to each parameter's norm; used by DeiT III. */
import { add, and, compare, div, mul, select, sqrt, sub, type Tensor } from "../../../tensor/index.js";
import { norm } from "../norms.js";
import { gate, optimizerKind, scalarInput, shared, stateInput, times } from "./optimizer.js";

/**
 * As computed by timm: bias-corrected averages, decay as part of the step, and a trust ratio |parameter| / |step| for
 * parameters with decay, 1 where either is zero. Implementations also clip the gradients' norm to 1, which is the
 * default of `clipGradient` if LAMB is chosen.
 */
export const lamb = optimizerKind({
  settings: { betas: shared.betas, epsilon: shared.epsilon, weightDecay: shared.weightDecay },
  defaults: { epsilon: 1e-6, clipGradient: 1 },
  build: ({ betas: [beta1, beta2], epsilon, weightDecay }, factor) => {
    const names = (p: string) => [`optimizer.exp_avg.${p}`, `optimizer.exp_avg_sq.${p}`] as const;
    return {
      stateNames: ({ name }) => names(name),
      scalars: (lr, step) => {
        const root2 = Math.sqrt(1 - beta2 ** step);
        return { "lamb.lr": lr, "lamb.scale": root2 / (1 - beta1 ** step), "lamb.epsilon": epsilon * root2 };
      },
      update: (spec, parameter, gradient, proceed) => {
        const [first, second] = names(spec.name);
        const gated = gate(proceed);
        const decays = spec.decay && weightDecay !== 0;
        const m = add(mul(stateInput(first, spec), gated(beta1, 1)), mul(gradient, 1 - beta1));
        const v = add(mul(stateInput(second, spec), gated(beta2, 1)), mul(mul(gradient, gradient), 1 - beta2));
        const adam = mul(div(m, add(sqrt(v), scalarInput("lamb.epsilon"))), scalarInput("lamb.scale"));
        const step = decays ? add(adam, mul(parameter, weightDecay)) : adam;
        const rate = gated(times(scalarInput("lamb.lr"), factor(spec.name)), 0);
        return new Map([
          [spec.name, sub(parameter, mul(step, decays ? mul(rate, trust(parameter, step)) : rate))],
          [first, m],
          [second, v],
        ]);
      },
    };
  },
});

function trust(parameter: Tensor, step: Tensor): Tensor {
  const [size, length] = [norm(parameter), norm(step)];
  const both = and(compare("GT", size, 0), compare("GT", length, 0));
  // The result of a division by zero would not be selected, but is avoided in the first place.
  return select(both, div(size, select(both, length, 1)), 1);
}
