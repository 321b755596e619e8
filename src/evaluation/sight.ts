/** How a model looks at an image when it is asked, and not trained. */
import type { EvaluationTransform } from "../data/transform.js";
import type { Model } from "../models/model.js";

/** What decides it. */
export type Sight = Pick<Model, "imageSize" | "cropRatio">;

/** The transform of the model's own resolution and crop (timm's evaluation); `cropRatio` takes the place of its own. */
export function evaluationTransform(
  sight: Sight,
  { cropRatio = sight.cropRatio }: { readonly cropRatio?: number } = {},
): EvaluationTransform {
  return { kind: "evaluation", size: sight.imageSize, cropRatio, interpolation: "bicubic" };
}
