/** The optimizers by their names in recipes: one file and one line each. */
import type { z } from "zod";
import type { Settings } from "../settings.js";
import { adamw } from "./adamw.js";
import { lamb } from "./lamb.js";
import { lion } from "./lion.js";
import type { Optimizer, OptimizerKind, RateFactor } from "./optimizer.js";
import { sgd } from "./sgd.js";

export const optimizers = { adamw, sgd, lamb, lion };

type Kinds = typeof optimizers;
type SettingsOf<K> = K extends OptimizerKind<infer Shape> ? Settings<Shape> : never;

/** Which optimizer, with its constants. */
export type OptimizerOptions = {
  readonly [K in keyof Kinds]: { readonly kind: K } & SettingsOf<Kinds[K]>;
}[keyof Kinds];

/** The optimizer of these options; `factor` changes the rate of single parameters. */
export function createOptimizer(options: OptimizerOptions, factor: RateFactor = () => 1): Optimizer {
  // Each kind reads its own settings, which the union holds together with its name.
  const kind: OptimizerKind<z.ZodRawShape> = optimizers[options.kind];
  return kind.build(options, factor);
}
