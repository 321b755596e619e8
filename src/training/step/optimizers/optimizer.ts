/** Optimizers: their settings in a recipe, and their part of the training step. */
import { z } from "zod";
import type { ParameterSpec } from "../../../models/model.js";
import { add, input, mul, select, type Tensor } from "../../../tensor/index.js";
import { belowOne, type Settings } from "../settings.js";

/** Numbers of one step computed by the host, by program input. */
export type StepScalars = Readonly<Record<string, number>>;

/** Factor on the learning rate of a parameter, by name. */
export type RateFactor = (parameter: string) => number;

/** An optimizer as part of a training step. */
export interface Optimizer {
  /** Names of the state tensors of a parameter, each with its shape and initially zero. */
  stateNames(parameter: Pick<ParameterSpec, "name" | "shape">): readonly string[];
  /** Values of the scalar inputs at a step (the first is 1). */
  scalars(lr: number, step: number): StepScalars;
  /**
   * New values of parameter and state by name. If `proceed` (a boolean scalar) is false, all are unchanged; `gradient`
   * must be finite anyway.
   */
  update(spec: ParameterSpec, parameter: Tensor, gradient: Tensor, proceed: Tensor): ReadonlyMap<string, Tensor>;
}

/** An optimizer that recipes can name: an entry of the table in `index.ts`. */
export interface OptimizerKind<Shape extends z.ZodRawShape> {
  /** Recipe settings that it reads; those with the same name in several optimizers are one setting. */
  readonly settings: Shape;
  /** Defaults that replace those of the settings if this optimizer is chosen. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  build(settings: Settings<Shape>, factor: RateFactor): Optimizer;
}

/** Infers the settings' types. */
export const optimizerKind = <Shape extends z.ZodRawShape>(kind: OptimizerKind<Shape>): OptimizerKind<Shape> => kind;

/** Settings that several optimizers read. */
export const shared = {
  betas: z.tuple([belowOne, belowOne]).readonly().default([0.9, 0.999]).meta({
    description:
      "AdamW, LAMB and Lion: decay of the averages of the gradient and of its square (Lion: of the gradient in the step and in the average; default there: [0.9,0.99]). Muon: those of AdamW for what is no matrix (default there: [0.9,0.95]).",
    timm: "opt-betas",
  }),
  epsilon: z.number().positive().default(1e-8).meta({
    description:
      "AdamW, LAMB, Muon and Adan: added to the denominator for numerical stability (default of LAMB: 1e-6, of Muon: 1e-7).",
    timm: "opt-eps",
  }),
  momentum: belowOne.default(0.9).meta({
    description: "SGD and Muon: momentum (default of Muon: 0.95).",
    timm: "momentum",
  }),
  weightDecay: z.number().min(0).default(0.05).meta({
    description:
      "Weight decay, decoupled for AdamW, Lion, Muon and Adan, part of the gradient for SGD and of the step for LAMB; not applied to biases, norms, tokens and position embeddings.",
    timm: "weight-decay",
  }),
};

/** A scalar input of the step's program. */
export const scalarInput = (name: string): Tensor => input(name, "float32", []);

/** The state of a parameter as an input of the step's program. */
export const stateInput = (name: string, { shape }: ParameterSpec): Tensor => input(name, "float32", shape);

/** A tensor times a constant; unchanged for 1. */
export const times = (t: Tensor, constant: number): Tensor => (constant === 1 ? t : mul(t, constant));

/** Selects `value` if the step proceeds, otherwise `otherwise`. */
export const gate =
  (proceed: Tensor) =>
  (value: Tensor | number, otherwise: number): Tensor =>
    select(proceed, value, otherwise);

/** Decay factor 1 - f·lr·decay of a parameter with its own rate factor f, from that of the common rate. */
export const keptShare = (keep: Tensor, f: number): Tensor => (f === 1 ? keep : add(mul(keep, f), 1 - f));
