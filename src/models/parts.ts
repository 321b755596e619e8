/** Parts of a model that settings refer to: its heads, and what may be trained without the rest. */
import type { NamedTensors } from "../tensor/index.js";
import type { Model, ParameterPart, ParameterSpec } from "./model.js";

/** Whether a parameter belongs to a head, so that its first axis is the classes. */
export const isHead = ({ part }: ParameterSpec): boolean => part === "head";

/** Names of the parameters of a model's heads. */
export const headParameters = ({ parameters }: Pick<Model, "parameters">): ReadonlySet<string> =>
  new Set(parameters.filter(isHead).map(({ name }) => name));

/** Names of a model's linear heads, whose weight and bias are `NAME.weight` and `NAME.bias`. */
export const headNames = (model: Pick<Model, "parameters">): readonly string[] =>
  [...headParameters(model)].filter((name) => name.endsWith(".weight")).map((name) => name.slice(0, -".weight".length));

/** Number of classes of the model's first head among `tensors`; undefined if there is none. */
export function classesOfHead(model: Pick<Model, "parameters">, tensors: NamedTensors): number | undefined {
  const found = headNames(model).find((name) => tensors.has(`${name}.weight`));
  return found === undefined ? undefined : tensors.get(`${found}.weight`)?.shape[0];
}

/** What may be trained: everything, or only these parts. */
export const trainedParts = {
  all: undefined,
  attention: ["attention", "positions", "head"],
  head: ["head"],
} as const satisfies Readonly<Record<string, readonly ParameterPart[] | undefined>>;
