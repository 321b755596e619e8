/** Parameters declared where they are used: they are listed by a forward pass that computes nothing. */

import { ShapeError, UsageError } from "../errors/errors.js";
import { input, type Tensor } from "../tensor/index.js";
import { imagesShape } from "./image-batch.js";
import type { ForwardContext, Model, ParameterDeclaration, ParameterSpec } from "./model.js";

/**
 * A model whose parameters are those declared by `forward`, in order of first use. They are determined once, on first
 * access; the list is a getter, so copies made by `{ ...model }` contain the determined list.
 */
export function modelOf(about: Omit<Model, "parameters">): Model {
  let found: readonly ParameterSpec[] | undefined;
  return {
    ...about,
    get parameters() {
      found ??= declaredParameters(about);
      return found;
    },
  };
}

function declaredParameters({
  name,
  imageSize,
  channels,
  forward,
}: Omit<Model, "parameters">): readonly ParameterSpec[] {
  const found = new Map<string, { readonly spec: ParameterSpec; readonly tensor: Tensor }>();
  const context: ForwardContext = {
    training: false,
    parameter: (parameter, declaration) => {
      const before = found.get(parameter);
      if (before && declaration) requireSame(name, before.spec, specOf(parameter, declaration));
      if (before) return before.tensor;
      if (!declaration)
        throw new UsageError(
          `The model "${name}" uses the parameter "${parameter}" without saying what it is; give its shape and first values, as parameter("${parameter}", { shape, init }).`,
        );
      const spec = specOf(parameter, declaration);
      const tensor = input(parameter, "float32", spec.shape);
      found.set(parameter, { spec, tensor });
      return tensor;
    },
    dropPath: (x) => x,
    dropout: (x) => x,
    updateBuffer: () => undefined,
  };
  forward(context, input("images", "float32", imagesShape({ imageSize, channels }, 1)));
  return [...found.values()].map(({ spec }) => spec);
}

const specOf = (
  name: string,
  { shape, init, decay = false, kind = "parameter", part }: ParameterDeclaration,
): ParameterSpec => ({ name, shape, init, decay, kind, ...(part === undefined ? {} : { part }) });

/** Throws unless a parameter has the same declaration wherever it is used. */
function requireSame(model: string, before: ParameterSpec, now: ParameterSpec): void {
  const shape = (spec: ParameterSpec) => `[${spec.shape.join(", ")}]`;
  if (shape(before) !== shape(now))
    throw new ShapeError(
      `The model "${model}" uses the parameter "${now.name}" with the shape ${shape(before)} and again with ${shape(now)}; give one of them another name.`,
    );
  const rest = ({ init, decay, kind, part }: ParameterSpec) => JSON.stringify({ init, kind, decay, part });
  if (rest(before) !== rest(now))
    throw new UsageError(
      `The model "${model}" declares the parameter "${now.name}" as ${rest(before)} and again as ${rest(now)}; declare it the same at every use, or give one of them another name.`,
    );
}
