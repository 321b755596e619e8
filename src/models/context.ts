/** Contexts for running a forward pass. */

import { WeightsError } from "../errors/errors.js";
import { add, input, mul, type Shape, type Tensor } from "../tensor/index.js";
import { imagesShape } from "./image-batch.js";
import type { ForwardContext, Logits, Model } from "./model.js";

/** The model's parameters by name, as program inputs whose names begin with `prefix`. */
export function parameterInputs(model: Pick<Model, "parameters">, prefix = ""): ReadonlyMap<string, Tensor> {
  return new Map(model.parameters.map((p) => [p.name, input(prefix + p.name, "float32", p.shape)]));
}

/** A forward pass without randomness. */
export function inferenceContext(parameters: ReadonlyMap<string, Tensor>): ForwardContext {
  return {
    training: false,
    parameter: (name) => lookup(parameters, name),
    dropPath: (x) => x,
    dropout: (x) => x,
    updateBuffer: () => undefined,
  };
}

/** A forward pass without randomness that keeps the intermediate values selected by `wanted`. */
export function observingContext(
  parameters: ReadonlyMap<string, Tensor>,
  wanted: (name: string) => boolean,
): ForwardContext & { readonly observed: ReadonlyMap<string, Tensor> } {
  const observed = new Map<string, Tensor>();
  return {
    ...inferenceContext(parameters),
    observe: (name, value) => {
      if (wanted(name)) observed.set(name, value());
    },
    observed,
  };
}

/** What a model exposes, by name in the order of its forward pass: the shapes for a single image. */
export function observedShapes(model: Model): ReadonlyMap<string, Shape> {
  const context = observingContext(parameterInputs(model), () => true);
  model.forward(context, input("images", "float32", imagesShape(model, 1)));
  return new Map([...context.observed].map(([name, { shape }]) => [name, shape]));
}

export function lookup(parameters: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const found = parameters.get(name);
  if (!found)
    throw new WeightsError(
      `The model asks for a parameter "${name}" that it does not declare; declare it in its parameter list.`,
    );
  return found;
}

/** Which head classifies: the class token's, the distillation token's, or their mean (paper, section 5.2). */
export type Head = "both" | "class" | "distillation";

/** The heads that a model can predict with; more than one only if the distillation token has one. */
export const headsOf = ({ parameters }: Pick<Model, "parameters">): readonly Head[] =>
  parameters.some(({ name }) => name === "head_dist.weight") ? ["both", "class", "distillation"] : ["both"];

/** The logits for predictions, `[batch, classes]`. Models without a distillation token have only one head. */
export function decisionLogits({ logits, distillation }: Logits, head: Head = "both"): Tensor {
  if (!distillation || head === "class") return logits;
  return head === "distillation" ? distillation : mul(add(logits, distillation), 0.5);
}
