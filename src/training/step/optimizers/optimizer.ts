/** What an optimizer is: its settings in a recipe, and its part of the training step. */
import { z } from "zod";
import type { ParameterSpec } from "../../../models/model.js";
import { add, input, mul, select, type Tensor } from "../../../tensor/index.js";
import { belowOne, type Settings } from "../settings.js";

/** Numbers of one step that the host works out, by program input. */
export type StepScalars = Readonly<Record<string, number>>;

/** What the learning rate of a parameter is multiplied by, by its name. */
export type RateFactor = (parameter: string) => number;

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

/** An optimizer that recipes can name: an entry of the table in `index.ts`. */
export interface OptimizerKind<Shape extends z.ZodRawShape> {
  /** Settings of a recipe that it reads; those of one name in several optimizers are one setting. */
  readonly settings: Shape;
  /** Defaults that differ from the settings' own where this optimizer is chosen. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  build(settings: Settings<Shape>, factor: RateFactor): Optimizer;
}

/** Infers the settings' types. */
export const optimizerKind = <Shape extends z.ZodRawShape>(kind: OptimizerKind<Shape>): OptimizerKind<Shape> => kind;

/** Settings that several optimizers read. */
export const shared = {
  betas: z.tuple([belowOne, belowOne]).readonly().default([0.9, 0.999]).meta({
    description:
      "AdamW, LAMB and Lion: decay of the averages of the gradient and of its square (Lion: of the gradient in the step and in the average; default there: [0.9,0.99]).",
    timm: "opt-betas",
  }),
  epsilon: z.number().positive().default(1e-8).meta({
    description: "AdamW and LAMB: added to the denominator for numerical stability (default of LAMB: 1e-6).",
    timm: "opt-eps",
  }),
  momentum: belowOne.default(0.9).meta({ description: "SGD: momentum.", timm: "momentum" }),
  weightDecay: z.number().min(0).default(0.05).meta({
    description:
      "Weight decay, decoupled for AdamW and Lion, part of the gradient for SGD and of the step for LAMB; not applied to biases, norms, tokens and position embeddings.",
    timm: "weight-decay",
  }),
};

/** A scalar input of the step's program. */
export const scalarInput = (name: string): Tensor => input(name, "float32", []);

/** The state of a parameter as an input of the step's program. */
export const stateInput = (name: string, { shape }: ParameterSpec): Tensor => input(name, "float32", shape);

/** A tensor times a constant, which 1 leaves as it is. */
export const times = (t: Tensor, constant: number): Tensor => (constant === 1 ? t : mul(t, constant));

/** Chooses `value` where the step proceeds, else `otherwise`. */
export const gate =
  (proceed: Tensor) =>
  (value: Tensor | number, otherwise: number): Tensor =>
    select(proceed, value, otherwise);

/** What a rate of its own leaves of a decayed parameter, 1 - f·lr·decay, from what the common rate leaves. */
export const keptShare = (keep: Tensor, f: number): Tensor => (f === 1 ? keep : add(mul(keep, f), 1 - f));
