/** What the outputs of published weights mean, which the files themselves do not say. */
import { imagenetClasses } from "./imagenet-classes.generated.js";
import type { Model } from "./model.js";

/**
 * ImageNet's classes, as `n01440764 tench`, for a model of the field with its 1000 outputs; undefined for others. To be
 * asked only where nobody names the classes: a model trained here says them itself.
 */
export function usualClasses({ name, classes }: Pick<Model, "name" | "classes">): readonly string[] | undefined {
  return classes === imagenetClasses.length && /^(deit|vit|regnety)_/.test(name) ? imagenetClasses : undefined;
}
