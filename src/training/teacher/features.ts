/** Which layers of student and teacher feature distillation compares, from the recipe and the models. */

import { UsageError } from "../../errors/errors.js";
import { heightAndWidth } from "../../geometry/image-size.js";
import { type FeatureLayer, featureLayer } from "../../models/feature-map.js";
import type { Model } from "../../models/model.js";
import type { Recipe } from "../recipe/recipe.js";
import { commonGrid, type FeatureDistillation, type FeaturePair, featurePairs, middleLayer } from "../step/features.js";
import type { Teacher } from "./teacher.js";

/**
 * What the recipe's `features` compare; one for each pair of layers. Throws UsageError for a layer that does not exist, a
 * part that is not trained, and a teacher whose layers have no names here.
 */
export function featuresBetween(recipe: Recipe, student: Model, teacher: Teacher): readonly FeatureDistillation[] {
  const pairs = featurePairs(recipe.features);
  if (pairs.length === 0) return [];
  if (teacher.kind === "answers")
    throw new UsageError(
      `Only the predictions of the teacher "${teacher.name}" are known, not its layers, so features cannot be learned from it; use weights of a model of deit's own, or remove features.`,
    );
  return pairs.map((pair) => featuresOf(pair, student, featureLayer(teacher.model, pair.teacher, "teacher")));
}

/** The same for a teacher's layer of which only the size is known. */
export function featuresOf(
  { teacher, student, grid }: FeaturePair,
  model: Model,
  taught: FeatureLayer,
): FeatureDistillation {
  const layer = student ?? middleLayer(model);
  if (layer === undefined)
    throw new UsageError(
      `The recipe names no layer of "${model.name}" that learns from the teacher's, and it is no vision transformer, whose middle block would; set features.student.`,
    );
  return {
    student: layer,
    teacher,
    grid: grid === undefined ? commonGrid(featureLayer(model, layer, "student"), taught) : heightAndWidth(grid),
    channels: taught.channels,
  };
}
