/** Patch dropout is refused where a model has no patches to drop, or where something else needs all of them. */
import { UsageError } from "../../errors/errors.js";
import { inferenceContext, parameterInputs } from "../../models/context.js";
import { featureLayer } from "../../models/feature-map.js";
import { imagesShape } from "../../models/image-batch.js";
import type { Model } from "../../models/model.js";
import { input } from "../../tensor/index.js";
import type { FeatureDistillation } from "../step/features.js";
import type { Recipe } from "./schema.js";

/** Throws UsageError for a model that does not read the setting. */
export function requirePatchDropout(model: Model, patchDropout: number): void {
  if (patchDropout > 0 && !dropsPatches(model))
    throw new UsageError(
      `The recipe sets patchDropout=${patchDropout}, which the model "${model.name}" does not read; set patchDropout=0, or choose a DeiT or ViT.`,
    );
}

function dropsPatches(model: Model): boolean {
  let asked = false;
  const patchDropout = () => {
    asked = true;
    return undefined;
  };
  const context = { ...inferenceContext(parameterInputs(model)), patchDropout };
  model.forward(context, input("images", "float32", imagesShape(model, 1)));
  return asked;
}

/** Throws UsageError where the patches belong to the part that is not trained. */
export function refuseFrozenPatches({
  patchDropout,
  trainedParts,
}: Pick<Recipe, "patchDropout" | "trainedParts">): void {
  if (patchDropout > 0 && trainedParts !== "all" && trainedParts !== "attention")
    throw new UsageError(
      `patchDropout=${patchDropout} drops patches where they are embedded, but with trainedParts=${trainedParts} that part acts as in evaluation; set patchDropout=0, or trainedParts=all.`,
    );
}

/** Throws UsageError for a layer of all patches that is to imitate a teacher's. */
export function requireAllPatches(
  model: Model,
  features: readonly FeatureDistillation[],
  { patchDropout }: Pick<Recipe, "patchDropout">,
): void {
  if (patchDropout === 0) return;
  for (const { student } of features) {
    const { grid } = featureLayer(model, student, "student");
    if (grid[0] * grid[1] === 1) continue;
    throw new UsageError(
      `The layer "${student}" of "${model.name}" is to imitate the teacher's at all patches (features), but patchDropout=${patchDropout} drops some; set patchDropout=0, or set features.student to a layer without patches, such as head.input.`,
    );
  }
}
