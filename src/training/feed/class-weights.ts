/** Weights of classes in the loss, so that large ones do not decide alone. */
import { classBalance, countsOf, type Labels } from "../../data/dataset/class-balance.js";
import { UsageError } from "../../errors/errors.js";
import { quoted } from "../../errors/quoted.js";
import { evenEpochs } from "../recipe/class-weighting.js";
import type { Recipe } from "../recipe/recipe.js";
import type { ClassWeights } from "../step/class-weights.js";

/** The settings that weigh classes in a loss. */
type Weighing = "classWeights" | "distillationClassWeights";

/**
 * A weight in the loss that `setting` weighs for each class of the training images; undefined where all count the same.
 * Weights of a rule have a mean of 1 over the images, which leaves the size of the loss as it is; a class without images
 * has 1. Weights that are given are left as they are, and UsageError is thrown unless there is one for each class.
 */
export function classWeightsOf(recipe: Recipe, data: Labels, setting: Weighing): ClassWeights | undefined {
  const each = weightsOf(recipe, data, setting);
  return each && { each, deferred: evenEpochs(recipe) > 0 };
}

function weightsOf(recipe: Recipe, data: Labels, setting: Weighing): readonly number[] | undefined {
  const { classes } = data;
  const { [setting]: rule, classWeightBeta: beta } = recipe;
  if (typeof rule !== "string") {
    if (rule.length !== classes.length)
      throw new UsageError(
        `${setting} lists ${rule.length} weights, but the data has ${classes.length} classes; give one for each, in the order of the class names, or a rule such as "effective".`,
      );
    return rule;
  }
  const sizes = countsOf(data);
  if (rule === "none" || (rule === "auto" && !classBalance(sizes)?.isUnequal)) return undefined;
  return balanced(sizes, rule === "inverse" ? (n) => n : (n) => effectiveNumber(n, beta));
}

/** Effective number of n images: (1 - βⁿ) / (1 - β) (Cui et al., arXiv 1901.05555, equation 2). */
const effectiveNumber = (n: number, beta: number): number => -Math.expm1(n * Math.log(beta)) / (1 - beta);

/** Weights inverse to a measure of the sizes, with a mean of 1 over all images. */
function balanced(sizes: readonly number[], measure: (size: number) => number): number[] {
  const raw = sizes.map((n) => (n === 0 ? 0 : 1 / measure(n)));
  const images = sizes.reduce((sum, n) => sum + n, 0);
  const scale = images / raw.reduce((sum, w, c) => sum + w * sizes[c], 0);
  return raw.map((w, c) => (sizes[c] === 0 ? 1 : w * scale));
}

/** What a run's weights are in each loss that has some: the largest and the smallest, and when they come in. */
export function classWeightSentences(
  { dataset: { classes }, ...weights }: { readonly dataset: Pick<Labels, "classes"> } & WeightsInUse,
  recipe: Pick<Recipe, "classWeightsFrom" | "epochs">,
): string[] {
  const from = evenEpochs(recipe);
  const told = (kind: string, { each }: ClassWeights) => {
    const of = (weight: number) => `${Number(weight.toPrecision(3))} of ${quoted(classes[each.indexOf(weight)])}`;
    const [least, most] = [Math.min(...each), Math.max(...each)];
    return `${kind}: ${of(least)} to ${of(most)}${from > 0 ? `, from epoch ${from + 1} on` : ""}.`;
  };
  const { classWeights, distillationWeights } = weights;
  return [
    ...(classWeights ? [told("The classes have weights in the loss (classWeights)", classWeights)] : []),
    ...(distillationWeights
      ? [told("The teacher's decisions have weights (distillationClassWeights)", distillationWeights)]
      : []),
  ];
}

interface WeightsInUse {
  readonly classWeights?: ClassWeights;
  readonly distillationWeights?: ClassWeights;
}
