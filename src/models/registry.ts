/** Models by name: what the families say of them, found. */
import { UsageError } from "../errors/errors.js";
import { didYouMean } from "../errors/nearest.js";
import type { ModelEntry, ModelFamily } from "./families/family.js";
import { type AllOptions, families, type ModelOptions } from "./families/index.js";
import type { Model } from "./model.js";

export type { ModelOptions } from "./families/index.js";

/** What the registry knows of a name. */
export interface RegisteredModel extends ModelEntry<AllOptions> {
  readonly name: string;
  readonly family: ModelFamily<AllOptions>;
}

const all: readonly ModelFamily<AllOptions>[] = Object.values(families);
const registered: ReadonlyMap<string, RegisteredModel> = new Map(
  all.flatMap((family) => Object.entries(family.models).map(([name, entry]) => [name, { ...entry, name, family }])),
);

/** The model that recipes train where they name none. */
export const usualModel = "deit_tiny_patch16_224";

/** Names of all models, as `createModel` knows them. */
export function modelNames(): string[] {
  return [...registered.keys()];
}

/** What is known of a name; undefined for one that is not here. */
export const registeredModel = (name: string): RegisteredModel | undefined => registered.get(name);

/** The families, in the order of their names. */
export const modelFamilies = (): readonly ModelFamily<AllOptions>[] => all;

/**
 * The model of this name, its defaults changed by `options`; throws UsageError with the nearest name for a typo.
 *
 * @example
 * ```ts
 * import { createModel, initialize } from "deit";
 *
 * const model = createModel("deit_tiny_patch16_224", { classes: 10 });
 * const weights = initialize(model, 0);
 * console.log(weights.get("head.weight")?.shape); // 10, 192
 * ```
 */
export function createModel(name: string, options: ModelOptions = {}): Model {
  const known = registered.get(name);
  if (!known)
    throw new UsageError(`There is no model "${name}"${didYouMean(name, modelNames())} "deit models" lists all.`);
  return known.create(Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined)));
}

/** Options of any family that neither names nor shapes of tensors tell. */
export const optionsWithoutTrace: ReadonlySet<string> = new Set(all.flatMap(({ withoutTrace = [] }) => withoutTrace));
