/** The weight of feature distillation over a run. */
import { epochsWithin, slack } from "./epoch-share.js";
import type { Recipe } from "./schema.js";

type Scheduled = Pick<Recipe, "features" | "epochs">;

/** Number of first epochs in which features have any weight. */
export const featureEpochs = ({ features, epochs }: Scheduled): number =>
  features ? epochsWithin(features.until, epochs) : 0;

/** The weight after this many epochs, parts of one included. */
export function featureWeightAt({ features, epochs }: Scheduled, progress: number): number {
  if (!features) return 0;
  const { weight, until, fall } = features;
  const done = progress / (epochs * until);
  if (!(done < 1 - slack)) return 0;
  switch (fall) {
    case "none":
      return weight;
    case "linear":
      return weight * (1 - done);
    case "cosine":
      return (weight * (1 + Math.cos(Math.PI * done))) / 2;
  }
}
