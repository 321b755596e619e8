/** The optimizers by their names in recipes: one file and one line each. */
import type { z } from "zod";
import type { Settings } from "../settings.js";
import { adamw } from "./adamw.js";
import { adan } from "./adan.js";
import { lamb } from "./lamb.js";
import { lion } from "./lion.js";
import { muon } from "./muon.js";
import type { Optimizer, OptimizerKind, RateFactor } from "./optimizer.js";
import { sgd } from "./sgd.js";

export const optimizers = { adamw, sgd, lamb, lion, muon, adan };

/** Names of the optimizers. */
export type OptimizerName = keyof typeof optimizers;

/** Which optimizer, with its constants. */
export type OptimizerOptions = {
  readonly [K in OptimizerName]: {
    /** Name of the optimizer. */
    readonly kind: K;
  } & Settings<(typeof optimizers)[K]["settings"]>;
}[OptimizerName];

/**
 * The optimizer of these options; `factor` changes the rate of individual parameters.
 *
 * @example
 * ```ts
 * import { createOptimizer } from "deit";
 *
 * const optimizer = createOptimizer({ kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 0 });
 * console.log(optimizer.stateNames({ name: "head.weight", shape: [10, 192] }), optimizer.scalars(0.1, 1));
 * ```
 */
export function createOptimizer(options: OptimizerOptions, factor: RateFactor = () => 1): Optimizer {
  // Each kind reads its own settings, which the union keeps together with its name.
  const kind: OptimizerKind<z.ZodRawShape> = optimizers[options.kind];
  return kind.build(options, factor);
}
