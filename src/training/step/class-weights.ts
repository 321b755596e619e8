/** Weights of classes in a loss, which may come in late. */
import { compare, constant, input, select, type Tensor } from "../../tensor/index.js";

/** Program input: 1 once deferred weights of classes count, before that 0. */
export const classWeightsInput = "classWeightsCount";

/** A weight for each class. */
export interface ClassWeights {
  /** In the order of the classes. */
  readonly each: readonly number[];
  /** All count as 1 until the step's input `classWeightsCount` is 1 (deferred re-weighting, arXiv 1906.07413). */
  readonly deferred?: boolean;
}

/** The weights of this step, float32 `[1, classes]`. */
export function classWeightTensor({ each, deferred = false }: ClassWeights): Tensor {
  const weights = constant("float32", [1, each.length], each);
  return deferred ? select(compare("GT", input(classWeightsInput, "float32", []), 0), weights, 1) : weights;
}
