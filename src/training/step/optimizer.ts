/** Optimizers, as PyTorch computes them, in few passes over the parameters. */
import type { ParameterSpec } from "../../models/model.js";
import { add, div, input, mul, select, sqrt, sub, type Tensor } from "../../tensor/index.js";

/** Which optimizer, with its constants. */
export type OptimizerOptions =
  | {
      readonly kind: "adamw";
      readonly betas: readonly [number, number];
      readonly epsilon: number;
      readonly weightDecay: number;
    }
  | { readonly kind: "sgd"; readonly momentum: number; readonly nesterov: boolean; readonly weightDecay: number };

/** Numbers of one step that the host works out, by program input. */
export type StepScalars = Readonly<Record<string, number>>;

/** An optimizer as part of a training step. */
export interface Optimizer {
  /** Names of the state tensors of a parameter, each of its shape and first zero. */
  stateNames(parameter: string): readonly string[];
  /** Values of the scalar inputs at a step (the first is 1). */
  scalars(lr: number, step: number): StepScalars;
  /**
   * New values of parameter and state by name. Where `proceed` (a boolean scalar) does not hold, all stay as they are;
   * `gradient` must be finite all the same.
   */
  update(spec: ParameterSpec, parameter: Tensor, gradient: Tensor, proceed: Tensor): ReadonlyMap<string, Tensor>;
}

const scalarInput = (name: string): Tensor => input(name, "float32", []);

/** What the learning rate of a parameter is multiplied by, by its name. */
export type RateFactor = (parameter: string) => number;

/** The optimizer of these options; `factor` changes the rate of single parameters. */
export function createOptimizer(options: OptimizerOptions, factor: RateFactor = () => 1): Optimizer {
  return options.kind === "adamw" ? adamw(options, factor) : sgd(options, factor);
}

/** A tensor times a constant, which 1 leaves as it is. */
const times = (t: Tensor, constant: number): Tensor => (constant === 1 ? t : mul(t, constant));

/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101), decay decoupled from the gradient. With c₁ = 1-β₁ᵗ and c₂ = 1-β₂ᵗ,
 * m/c₁ / (√(v/c₂) + ε) is written as (√c₂/c₁) · m / (√v + ε√c₂), so the corrections cost nothing per element.
 */
function adamw(
  { betas: [beta1, beta2], epsilon, weightDecay }: Extract<OptimizerOptions, { kind: "adamw" }>,
  factor: RateFactor,
): Optimizer {
  const names = (p: string) => [`optimizer.exp_avg.${p}`, `optimizer.exp_avg_sq.${p}`] as const;
  return {
    stateNames: names,
    scalars: (lr, step) => {
      const c1 = 1 - beta1 ** step;
      const root2 = Math.sqrt(1 - beta2 ** step);
      return {
        "adamw.stepSize": (lr * root2) / c1,
        "adamw.epsilon": epsilon * root2,
        "adamw.keep": 1 - lr * weightDecay,
      };
    },
    update: ({ name, shape, decay }, parameter, gradient, proceed) => {
      const [first, second] = names(name);
      const gate = (value: Tensor | number, otherwise: number) => select(proceed, value, otherwise);
      const m = add(mul(input(first, "float32", shape), gate(beta1, 1)), mul(gradient, 1 - beta1));
      const squared = mul(mul(gradient, gradient), 1 - beta2);
      const v = add(mul(input(second, "float32", shape), gate(beta2, 1)), squared);
      const f = factor(name);
      const stepSize = gate(times(scalarInput("adamw.stepSize"), f), 0);
      const step = mul(div(m, add(sqrt(v), scalarInput("adamw.epsilon"))), stepSize);
      // What a rate of its own leaves of the parameter, 1 - f·lr·decay, from what the common one leaves.
      const keep = f === 1 ? scalarInput("adamw.keep") : add(mul(scalarInput("adamw.keep"), f), 1 - f);
      const kept = decay && weightDecay !== 0 ? mul(parameter, gate(keep, 1)) : parameter;
      return new Map([
        [name, sub(kept, step)],
        [first, m],
        [second, v],
      ]);
    },
  };
}

/** SGD with (Nesterov) momentum; decay is part of the gradient, as in PyTorch. */
function sgd(
  { momentum, nesterov, weightDecay }: Extract<OptimizerOptions, { kind: "sgd" }>,
  factor: RateFactor,
): Optimizer {
  const buffer = (p: string) => `optimizer.momentum_buffer.${p}`;
  return {
    stateNames: (p) => [buffer(p)],
    scalars: (lr) => ({ "sgd.lr": lr }),
    update: ({ name, shape, decay }, parameter, gradient, proceed) => {
      const gate = (value: Tensor | number, otherwise: number) => select(proceed, value, otherwise);
      const g = decay && weightDecay !== 0 ? add(gradient, mul(parameter, gate(weightDecay, 0))) : gradient;
      const velocity = add(mul(input(buffer(name), "float32", shape), gate(momentum, 1)), g);
      const step = nesterov ? add(g, mul(velocity, momentum)) : velocity;
      return new Map([
        [name, sub(parameter, mul(step, gate(times(scalarInput("sgd.lr"), factor(name)), 0)))],
        [buffer(name), velocity],
      ]);
    },
  };
}
