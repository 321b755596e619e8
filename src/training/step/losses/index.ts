/** The losses against labels by their names in recipes: one file and one line each. */
import type { Tensor } from "../../../tensor/index.js";
import { binaryCrossEntropy } from "./binary-cross-entropy.js";
import { crossEntropy } from "./cross-entropy.js";

/** From logits and targets, both float32 `[batch, classes]`, to a scalar. */
export type Loss = (logits: Tensor, target: Tensor) => Tensor;

export const losses = { crossEntropy, binaryCrossEntropy } satisfies Readonly<Record<string, Loss>>;

/** Names of the losses. */
export type LossName = keyof typeof losses;
