/** Models by name: one line each. */

import { didYouMean } from "../errors/nearest.js";
import { UsageError } from "../errors.js";
import { type DeitConfig, deit } from "./deit.js";
import { linearClassifier } from "./linear.js";
import type { Model } from "./model.js";
import type { RegnetConfig } from "./regnet.js";
import { regnetConstructors } from "./regnet-sizes.js";

/** Options that every model understands; the rest are those of its family. */
export type ModelOptions = Partial<DeitConfig & RegnetConfig>;

const tiny = { width: 192, depth: 12, heads: 3 };
const small = { width: 384, depth: 12, heads: 6 };
const base = { width: 768, depth: 12, heads: 12 };

const constructors: Readonly<Record<string, (options: ModelOptions) => Model>> = {
  deit_tiny_patch16_224: (o) => deit("deit_tiny_patch16_224", { ...tiny, ...o }),
  deit_small_patch16_224: (o) => deit("deit_small_patch16_224", { ...small, ...o }),
  deit_base_patch16_224: (o) => deit("deit_base_patch16_224", { ...base, ...o }),
  deit_base_patch16_384: (o) => deit("deit_base_patch16_384", { ...base, imageSize: 384, ...o }),
  deit_tiny_distilled_patch16_224: (o) => deit("deit_tiny_distilled_patch16_224", { ...tiny, distilled: true, ...o }),
  deit_small_distilled_patch16_224: (o) =>
    deit("deit_small_distilled_patch16_224", { ...small, distilled: true, ...o }),
  deit_base_distilled_patch16_224: (o) => deit("deit_base_distilled_patch16_224", { ...base, distilled: true, ...o }),
  deit_base_distilled_patch16_384: (o) =>
    deit("deit_base_distilled_patch16_384", { ...base, imageSize: 384, distilled: true, ...o }),
  /** Any size: DeiT's layout with the options given. */
  deit: (o) => deit("deit", o),
  linear: linearClassifier,
  ...regnetConstructors,
};

/** Names of all models, as `createModel` knows them. */
export function modelNames(): string[] {
  return Object.keys(constructors);
}

/** The model of this name, its defaults changed by `options`; throws UsageError with the nearest name for a typo. */
export function createModel(name: string, options: ModelOptions = {}): Model {
  if (!Object.hasOwn(constructors, name)) {
    throw new UsageError(`There is no model "${name}"${didYouMean(name, modelNames())} "deit models" lists all.`);
  }
  const defined = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
  return constructors[name](defined);
}
