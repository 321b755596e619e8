/** Parts of a model: its heads and its tokens. */
import { UsageError } from "../errors/errors.js";
import type { NamedTensors } from "../tensor/index.js";
import type { Model, ParameterSpec, TokenGrid } from "./model.js";

/** Whether a parameter belongs to a head, so that its first axis runs over the classes. */
export const isHead = ({ part }: ParameterSpec): boolean => part === "head";

/** Names of the parameters of a model's heads. */
export const headParameters = ({ parameters }: Pick<Model, "parameters">): ReadonlySet<string> =>
  new Set(parameters.filter(isHead).map(({ name }) => name));

/** Names of a model's linear heads, whose weight and bias are `NAME.weight` and `NAME.bias`. */
export const headNames = (model: Pick<Model, "parameters">): readonly string[] =>
  [...headParameters(model)].filter((name) => name.endsWith(".weight")).map((name) => name.slice(0, -".weight".length));

/** Classes of the first head of the model that is among `tensors`; undefined where none is. */
export function classesOfHead(model: Pick<Model, "parameters">, tensors: NamedTensors): number | undefined {
  const found = headNames(model).find((name) => tensors.has(`${name}.weight`));
  return found === undefined ? undefined : tensors.get(`${found}.weight`)?.shape[0];
}

/** Number of patches. */
export const patchCount = ({ grid: [rows, columns] }: Pick<TokenGrid, "grid">): number => rows * columns;

/** Of so many patches, the number that patch dropout leaves: at least one, and rounded down, as in timm. */
export const keptPatches = (patches: number, rate: number): number => Math.max(1, Math.floor(patches * (1 - rate)));

/** How a vision transformer lays out its tokens; UsageError, with what that is wanted for, for another model. */
export function tokensOf({ name, tokens }: Model, wantedFor: string): TokenGrid {
  if (!tokens)
    throw new UsageError(
      `${wantedFor} needs a vision transformer, but "${name}" is none; choose a DeiT ("deit models" lists all).`,
    );
  return tokens;
}
