/** Models by name: one entry each. */

import { UsageError } from "../errors/errors.js";
import { didYouMean } from "../errors/nearest.js";
import { type DeitConfig, deit } from "./deit.js";
import { linearClassifier } from "./linear.js";
import type { Model } from "./model.js";
import type { RegnetConfig } from "./regnet.js";
import { regnetConstructors } from "./regnet-sizes.js";

/** Options of all models; each uses those of its family. */
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
  // The same architecture as its authors published it before, for images normalised by 0.5 (timm's names).
  vit_tiny_patch16_224: (o) => vit("vit_tiny_patch16_224", { ...tiny, ...o }),
  vit_small_patch16_224: (o) => vit("vit_small_patch16_224", { ...small, ...o }),
  vit_base_patch16_224: (o) => vit("vit_base_patch16_224", { ...base, ...o }),
  vit_tiny_patch16_384: (o) => vit("vit_tiny_patch16_384", { ...tiny, imageSize: 384, ...o }),
  vit_small_patch16_384: (o) => vit("vit_small_patch16_384", { ...small, imageSize: 384, ...o }),
  vit_base_patch16_384: (o) => vit("vit_base_patch16_384", { ...base, imageSize: 384, ...o }),
  vit_small_patch32_224: (o) => vit("vit_small_patch32_224", { ...small, patchSize: 32, ...o }),
  vit_base_patch32_224: (o) => vit("vit_base_patch32_224", { ...base, patchSize: 32, ...o }),
  vit_base_patch8_224: (o) => vit("vit_base_patch8_224", { ...base, patchSize: 8, ...o }),
  /** Any size: DeiT's layout with the given options. */
  deit: (o) => deit("deit", o),
  linear: linearClassifier,
  ...regnetConstructors,
};

function vit(name: string, options: ModelOptions): Model {
  const model = deit(name, options);
  const half = [0.5, 0.5, 0.5] as const;
  return { ...model, normalization: { mean: half, std: half }, cropRatio: model.imageSize > 224 ? 1 : 0.9 };
}

/** Names of all models, as `createModel` knows them. */
export function modelNames(): string[] {
  return Object.keys(constructors);
}

/** The model with this name, its defaults changed by `options`; throws UsageError, suggesting the nearest name. */
export function createModel(name: string, options: ModelOptions = {}): Model {
  if (!Object.hasOwn(constructors, name)) {
    throw new UsageError(`There is no model "${name}"${didYouMean(name, modelNames())} "deit models" lists all.`);
  }
  const defined = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
  return constructors[name](defined);
}
