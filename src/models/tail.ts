/** The last blocks of a vision transformer as a model of their own, whose inputs are tokens. */
import { UsageError } from "../errors/errors.js";
import { applies, input, primitives, substitute, type Tensor, topologicalOrder } from "../tensor/index.js";
import { inferenceContext, lookup, parameterInputs } from "./context.js";
import type { ForwardContext, Logits, Model } from "./model.js";
import { tokensOf } from "./parts.js";

/** Name of the observed value that the last `blocks` blocks read. Throws UsageError if the model has fewer, or none. */
export function tokensBefore(model: Model, blocks: number): string {
  const { depth } = tokensOf(model, "Training its last blocks");
  if (blocks > depth)
    throw new UsageError(`blocks is ${blocks}, but "${model.name}" has ${depth}; give a number from 0 to ${depth}.`);
  return blocks === depth ? "embedding" : `blocks.${depth - blocks - 1}`;
}

/**
 * The last `blocks` blocks, the norm and the heads: a model from tokens `[batch, tokens, width]`, the value of
 * `tokensBefore`, to logits. Its parameters are those of `model` that this part reads.
 */
export function tailOf(model: Model, blocks: number): Model {
  const cut = tokensBefore(model, blocks);
  const whole = parameterInputs(model);
  const { tokens, logits } = split(model, cut, inferenceContext(whole), 1);
  const read = inputsOf(from(tokens, input("tokens", "float32", tokens.shape), logits));
  return {
    ...model,
    parameters: model.parameters.filter(({ name }) => read.has(name)),
    forward: (context, given) => {
      // What comes before is built too, and then left out.
      const parameter: ForwardContext["parameter"] = (name, declaration) =>
        read.has(name) ? context.parameter(name, declaration) : lookup(whole, name);
      const built = split(model, cut, { ...context, parameter }, given.shape[0]);
      return from(built.tokens, given, built.logits);
    },
  };
}

/** The whole model, and the tokens at the cut. */
function split({ imageSize, forward }: Model, cut: string, context: ForwardContext, batch: number) {
  const found: Tensor[] = [];
  const observe = (name: string, value: () => Tensor) => {
    if (name === cut) found.push(value());
  };
  const images = input("images", "float32", [batch, imageSize, imageSize, 3]);
  const logits = forward({ ...context, observe }, images);
  return { logits, tokens: found[0] };
}

/** The logits, computed from other tokens. */
function from(tokens: Tensor, given: Tensor, { logits, distillation }: Logits): Logits {
  const of = (t: Tensor) => substitute([t], tokens, given)[0];
  return { logits: of(logits), ...(distillation ? { distillation: of(distillation) } : {}) };
}

const inputsOf = ({ logits, distillation }: Logits): ReadonlySet<string> =>
  new Set(
    topologicalOrder(distillation ? [logits, distillation] : [logits])
      .filter((node) => applies(primitives.input, node))
      .map((node) => String(node.attributes.name)),
  );
