/** The losses against labels by their names in recipes: one file and one line each. */
import { z } from "zod";
import { type ClassWeights, classWeightTensor } from "../class-weights.js";
import { binaryCrossEntropyLoss } from "./binary-cross-entropy.js";
import { crossEntropyLoss } from "./cross-entropy.js";
import type { Loss, LossKind } from "./loss.js";
import { poly1Loss } from "./poly1.js";

export type { Loss } from "./loss.js";

export const losses = {
  crossEntropy: crossEntropyLoss,
  binaryCrossEntropy: binaryCrossEntropyLoss,
  poly1: poly1Loss,
};

/** Names of the losses. */
export type LossName = keyof typeof losses;

/**
 * The loss of this name; it reads its own among the settings of a recipe, those left out have their defaults. `weights`
 * are those of the classes (default: all are 1).
 */
export function createLoss(
  name: LossName,
  settings: Readonly<Record<string, unknown>> = {},
  weights?: ClassWeights,
): Loss {
  const kind: LossKind<z.ZodRawShape> = losses[name];
  return kind.build(z.object(kind.settings).parse(settings), weights && classWeightTensor(weights));
}
