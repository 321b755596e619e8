/** The loss of the layers of a student that imitate layers of its teacher. */
import type { Model } from "../../models/model.js";
import { add, input, mul, type Tensor } from "../../tensor/index.js";
import { type FeatureDistillation, featureLoss, ofPair, projectionNames } from "./features.js";

/** Name of the input with the weight of a pair of layers at this step. */
export const featureWeightInput = (index: number): string => ofPair("featureWeight", index);

/** What the losses are computed from. */
export interface Imitating {
  /** The student's layers by their names. */
  readonly observed: ReadonlyMap<string, Tensor>;
  /** The projections by their names, among others. */
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/** The losses of all pairs of layers, each times its weight, together; undefined if nothing is imitated. */
export function imitation(
  model: Model,
  features: readonly FeatureDistillation[],
  taught: readonly Tensor[] = [],
  { observed, parameters }: Imitating,
): Tensor | undefined {
  return features
    .flatMap(({ student }, index) => {
      if (!taught[index]) return [];
      const names = projectionNames(index);
      const [weight, bias] = [parameters.get(names.weight)!, parameters.get(names.bias)!];
      const loss = featureLoss(model, observed.get(student)!, taught[index], { weight, bias });
      return [mul(loss, input(featureWeightInput(index), "float32", []))];
    })
    .reduce<Tensor | undefined>((sum, loss) => (sum ? add(sum, loss) : loss), undefined);
}
