/** The weights of feature distillation over a run. */
import { type FeaturePair, featurePairs } from "../step/features.js";
import { epochsWithin, slack } from "./epoch-share.js";
import type { Recipe } from "./schema.js";

/** Number of first epochs in which a pair of layers has any weight. */
export const featureEpochs = ({ until }: FeaturePair, epochs: number): number => epochsWithin(until, epochs);

/** The weight of each pair of layers after this many epochs, parts of one included. */
export const featureWeightsAt = (
  { features, epochs }: Pick<Recipe, "features" | "epochs">,
  progress: number,
): readonly number[] => featurePairs(features).map((pair) => weightAt(pair, progress / (epochs * pair.until)));

/** `done` is the share of the time in which it has any. */
function weightAt({ weight, fall }: FeaturePair, done: number): number {
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
