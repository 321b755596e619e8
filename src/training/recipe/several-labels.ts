/** Images with several labels: what a recipe for them has, and what it cannot have. */
import { type Dataset, requireOneLabel } from "../../data/dataset/dataset.js";
import { FileError, UsageError } from "../../errors/errors.js";
import type { Recipe, RecipeSettings } from "./schema.js";

/** What settings are where images have several labels. */
const fixed = {
  ...{ loss: "binaryCrossEntropy", labelSmoothing: 0, headStart: "given", classWeights: "none", sampling: "all" },
  ...{ distillationClassWeights: "none", frozenViews: undefined, features: undefined },
} as const satisfies Partial<RecipeSettings>;

/** Settings of a recipe for single labels that are left out where one for several labels changes it. */
export const singleLabelSettings: readonly string[] = [
  "loss",
  "labelSmoothing",
  "headStart",
  "classWeights",
  "sampling",
];

/** Factor on the rate of a new head, which cannot be fitted to several labels before the first step. */
const newHead = 10;

const reasons: Readonly<Partial<Record<keyof typeof fixed, string>>> = {
  loss: "each class is a question of its own, which binaryCrossEntropy asks",
  labelSmoothing: "it spreads one label over the other classes",
  headStart: "heads are fitted to one class for each image; headLrFactor lets a new one learn faster",
  features: "they come from a teacher of one class for each image",
  frozenViews: "stored features have one label each",
};

/** The recipe with what several labels need. Throws UsageError for settings that contradict them. */
export function withLabels(recipe: Recipe, settings: unknown): Recipe {
  if (recipe.labels === "one") {
    if (recipe.evalMetric === "map")
      throw new UsageError(
        "evalMetric is map, the mean average precision of images with several labels, but the recipe is for one label each; set labels=several, or another evalMetric.",
      );
    return recipe;
  }
  if (recipe.evalMetric === "meanClassTop1")
    throw new UsageError(
      "evalMetric is meanClassTop1, but images of several labels belong to no single class (labels=several); set evalMetric=map, which is a mean over the classes.",
    );
  const given = (settings ?? {}) as Readonly<Record<string, unknown>>;
  for (const [key, value] of Object.entries(fixed)) {
    if (given[key] === undefined || given[key] === value) continue;
    const reason =
      reasons[key as keyof typeof fixed] ?? "classes of several labels have no sizes that make up an epoch";
    throw new UsageError(
      `The recipe is for several labels (labels=several), but sets ${key}=${JSON.stringify(given[key])}: ${reason}. Remove ${key}, or labels.`,
    );
  }
  if (recipe.distillation !== "none" && recipe.distillation !== "labels")
    throw new UsageError(
      `The recipe is for several labels (labels=several), but sets distillation=${recipe.distillation}: a teacher's decisions and probabilities are of one class for each image. Set distillation=none (or labels, for a model with a distillation token), or remove labels.`,
    );
  const starts = recipe.finetune !== undefined && given.headLrFactor === undefined;
  return { ...recipe, ...fixed, ...(starts ? { headLrFactor: newHead } : {}) };
}

/** Throws unless the data has as many labels for an image as the recipe says. */
export function requireLabels({ labels }: Pick<Recipe, "labels">, dataset: Dataset): void {
  if (labels === "one") requireOneLabel(dataset, "but the recipe is for one class each; set labels=several");
  else if (!dataset.labelsOf)
    throw new FileError(
      dataset.name,
      `The recipe is for several labels (labels=several), but the images of "${dataset.name}" have one each; give a list of JSON lines with {"label": ["cat", "dog"]}, or a CSV file as list,separator=|:PATH for cells such as cat|dog.`,
    );
}
