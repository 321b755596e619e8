/** Lion (Chen et al., arXiv 2302.06675): steps by the sign of an averaged gradient, as computed by timm. */
import { add, mul, sign, sub } from "../../../tensor/index.js";
import { gate, keptShare, optimizerKind, scalarInput, shared, stateInput, times } from "./optimizer.js";

/** Decay is decoupled from the gradient, as in AdamW; rates are usually three to ten times smaller than AdamW's. */
export const lion = optimizerKind({
  settings: { betas: shared.betas, weightDecay: shared.weightDecay },
  defaults: { betas: [0.9, 0.99] },
  build: ({ betas: [beta1, beta2], weightDecay }, factor) => {
    const average = (p: string) => `optimizer.exp_avg.${p}`;
    return {
      stateNames: ({ name }) => [average(name)],
      scalars: (lr) => ({ "lion.lr": lr, "lion.keep": 1 - lr * weightDecay }),
      update: (spec, parameter, gradient, proceed) => {
        const gated = gate(proceed);
        const f = factor(spec.name);
        const m = stateInput(average(spec.name), spec);
        const direction = sign(add(mul(m, beta1), mul(gradient, 1 - beta1)));
        const step = mul(direction, gated(times(scalarInput("lion.lr"), f), 0));
        const keep = keptShare(scalarInput("lion.keep"), f);
        const kept = spec.decay && weightDecay !== 0 ? mul(parameter, gated(keep, 1)) : parameter;
        return new Map([
          [spec.name, sub(kept, step)],
          [average(spec.name), add(mul(m, gated(beta2, 1)), mul(gradient, 1 - beta2))],
        ]);
      },
    };
  },
});
