/** The meaning of the outputs of published weights, which the files do not state. */
import { imagenetClasses } from "./imagenet-classes.generated.js";
import type { Model } from "./model.js";
import { registeredModel } from "./registry.js";

/**
 * ImageNet's classes, as `n01440764 tench`, for a well-known model with 1000 outputs; undefined for others. Use only if
 * the classes are not named: models trained by deit state them.
 */
export function usualClasses({ name, classes }: Pick<Model, "name" | "classes">): readonly string[] | undefined {
  const known = registeredModel(name);
  return known && !known.anySize && classes === imagenetClasses.length ? imagenetClasses : undefined;
}
