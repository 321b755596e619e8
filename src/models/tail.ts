/** The upper part of a model as a function of the values that it reads from the part below, which then need not be repeated. */

import { UsageError } from "../errors/errors.js";
import { applies, input, primitives, type Shape, substitute, type Tensor, topologicalOrder } from "../tensor/index.js";
import { lookup, observedShapes, parameterInputs } from "./context.js";
import { imagesShape } from "./image-batch.js";
import type { ForwardContext, Logits, Model, ParameterSpec } from "./model.js";
import { headNames, tokensOf } from "./parts.js";

/** Name of the observed value that the last `blocks` blocks read. Throws UsageError if the model has fewer. */
export function tokensBefore(model: Model, blocks: number): string {
  const { depth } = tokensOf(model, "Training its last blocks");
  if (blocks < 1 || blocks > depth)
    throw new UsageError(
      `The last ${blocks} blocks of "${model.name}" cannot be trained, since it has ${depth}; give a number from 1 to ${depth}.`,
    );
  return blocks === depth ? "embedding" : `blocks.${depth - blocks - 1}`;
}

/** Names of the observed values that the heads read; undefined for a model that does not show them all. */
export function headInputs(model: Model): readonly string[] | undefined {
  const shown = observedShapes(model);
  const names = headNames(model).map((head) => `${head}.input`);
  return names.length > 0 && names.every((name) => shown.has(name)) ? names : undefined;
}

/** The part of a model above some of its values. */
export interface Tail {
  /** Names of the values that it reads, as the model shows them. */
  readonly cut: readonly string[];
  /** Their shapes for a single image, in that order. */
  readonly shapes: readonly Shape[];
  /** The parameters of the model that it reads. */
  readonly parameters: readonly ParameterSpec[];
  /** The model's outputs from the values, in the order of `cut`, for a batch of images. */
  forward(context: ForwardContext, values: readonly Tensor[]): Logits;
}

/** The part of the model above the values named in `cut`. */
export function tailAbove(model: Model, cut: readonly string[]): Tail {
  const whole = parameterInputs(model);
  const { values, logits } = seen(model, cut, acting(whole), 1);
  const placeholders = values.map(({ dtype, shape }, i) => input(`value ${i}`, dtype, shape));
  const read = inputsOf(above(values, placeholders, Object.values(logits)));
  return {
    cut,
    shapes: values.map(({ shape }) => shape),
    parameters: model.parameters.filter(({ name }) => read.has(name)),
    forward: (context, given) => {
      // What comes below is built too, and then left out: with it go its observed values and running statistics.
      const shown = new Map<string, Tensor>();
      const updated = new Map<string, Tensor>();
      const built = seen(
        model,
        cut,
        {
          ...context,
          patchDropout: undefined,
          parameter: (name, declaration) =>
            read.has(name) ? context.parameter(name, declaration) : lookup(whole, name),
          updateBuffer: (name, value) => {
            if (read.has(name)) updated.set(name, value);
          },
          observe: (name, value) => {
            if (context.observe && !cut.includes(name)) shown.set(name, value());
          },
        },
        given[0].shape[0],
      );
      const { logits, distillation } = built.logits;
      const roots = [logits, ...(distillation ? [distillation] : []), ...updated.values(), ...shown.values()];
      const replaced = above(built.values, given, roots);
      const of = (value: Tensor) => replaced[roots.indexOf(value)];
      for (const [name, value] of updated) context.updateBuffer(name, of(value));
      for (const [name, value] of shown) if (of(value) !== value) context.observe?.(name, () => of(value));
      return { logits: of(logits), ...(distillation ? { distillation: of(distillation) } : {}) };
    },
  };
}

/**
 * The last `blocks` blocks, the norm and the heads: a model from tokens `[batch, tokens, width]`, the value of
 * `tokensBefore`, to logits. Its parameters are those of `model` that this part reads.
 */
export function tailOf(model: Model, blocks: number): Model {
  const { parameters, forward } = tailAbove(model, [tokensBefore(model, blocks)]);
  return { ...model, parameters, forward: (context, tokens) => forward(context, [tokens]) };
}

/** The values named in `cut` for images `[batch, height, width, 3]`, without anything that happens in training alone. */
export function valuesAt(
  { name, forward }: Model,
  cut: readonly string[],
  parameter: ForwardContext["parameter"],
  images: Tensor,
): readonly Tensor[] {
  const found = new Map<string, Tensor>();
  forward(
    { ...acting(parameter), observe: (shown, value) => cut.includes(shown) && found.set(shown, value()) },
    images,
  );
  return inOrder(name, cut, found);
}

/**
 * The model with its part below `cut` as it acts outside of training: what is not trained gains nothing from stochastic
 * depth or dropout, and its running statistics stay.
 */
export function frozenBelow(model: Model, cut: readonly string[]): Model {
  const tail = tailAbove(model, cut);
  return {
    ...model,
    forward: (context, images) =>
      tail.forward(
        context,
        valuesAt(model, cut, (name, declaration) => context.parameter(name, declaration), images),
      ),
  };
}

/** A pass over the model that acts as outside of training. */
const acting = (parameters: ReadonlyMap<string, Tensor> | ForwardContext["parameter"]): ForwardContext => ({
  training: false,
  parameter: typeof parameters === "function" ? parameters : (name) => lookup(parameters, name),
  dropPath: (x) => x,
  dropout: (x) => x,
  updateBuffer: () => undefined,
});

/** The whole model's outputs, and the values at the cut. */
function seen(model: Model, cut: readonly string[], context: ForwardContext, batch: number) {
  const found = new Map<string, Tensor>();
  const images = input("images", "float32", imagesShape(model, batch));
  const observe = (name: string, value: () => Tensor) => {
    if (cut.includes(name)) found.set(name, value());
    context.observe?.(name, value);
  };
  const logits = model.forward({ ...context, observe }, images);
  return { logits, values: inOrder(model.name, cut, found) };
}

function inOrder(model: string, cut: readonly string[], found: ReadonlyMap<string, Tensor>): readonly Tensor[] {
  return cut.map((name) => {
    const value = found.get(name);
    if (!value) throw new UsageError(`The model "${model}" does not show its value "${name}".`);
    return value;
  });
}

/** The roots, computed from other values at the cut. */
const above = (values: readonly Tensor[], given: readonly Tensor[], roots: readonly Tensor[]): readonly Tensor[] =>
  substitute(
    roots,
    values.map((value, i) => [value, given[i]] as const),
  );

const inputsOf = (roots: readonly Tensor[]): ReadonlySet<string> =>
  new Set(
    topologicalOrder(roots)
      .filter((node) => applies(primitives.input, node))
      .map((node) => String(node.attributes.name)),
  );
