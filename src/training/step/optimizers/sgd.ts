/** SGD with (Nesterov) momentum, as computed by PyTorch. */
import { z } from "zod";
import { add, mul, sub } from "../../../tensor/index.js";
import { gate, optimizerKind, scalarInput, shared, stateInput, times } from "./optimizer.js";

/** Decay is part of the gradient, as in PyTorch. */
export const sgd = optimizerKind({
  settings: {
    momentum: shared.momentum,
    nesterov: z.boolean().default(true).meta({ description: "SGD: Nesterov's momentum." }),
    weightDecay: shared.weightDecay,
  },
  build: ({ momentum, nesterov, weightDecay }, factor) => {
    const buffer = (p: string) => `optimizer.momentum_buffer.${p}`;
    return {
      stateNames: ({ name }) => [buffer(name)],
      scalars: (lr) => ({ "sgd.lr": lr }),
      update: (spec, parameter, gradient, proceed) => {
        const gated = gate(proceed);
        const g = spec.decay && weightDecay !== 0 ? add(gradient, mul(parameter, gated(weightDecay, 0))) : gradient;
        const velocity = add(mul(stateInput(buffer(spec.name), spec), gated(momentum, 1)), g);
        const step = nesterov ? add(g, mul(velocity, momentum)) : velocity;
        const lr = gated(times(scalarInput("sgd.lr"), factor(spec.name)), 0);
        return new Map([
          [spec.name, sub(parameter, mul(step, lr))],
          [buffer(spec.name), velocity],
        ]);
      },
    };
  },
});
