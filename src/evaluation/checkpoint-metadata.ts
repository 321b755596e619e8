/** The metadata of deit's own checkpoints. */
import { trainedOnKey } from "../data/dataset/trained-on-key.js";
import type { ModelOptions } from "../models/registry.js";
import { asObject, tryJson } from "../system/text/json.js";

/** Keys of the metadata of deit's own checkpoints. */
export const checkpointMetadata = {
  ...{
    model: "deit.model",
    config: "deit.config",
    classes: "deit.classes",
    labels: "deit.labels",
    view: "deit.view",
    trainedOn: trainedOnKey,
    training: "deit.training",
  },
} as const;

/** The model sizes stated in deit's own files; empty for others. */
export const savedConfig = (metadata: Readonly<Record<string, string>>): ModelOptions =>
  asObject(tryJson(metadata[checkpointMetadata.config])) ?? {};

/** The class names in such a file. */
export function savedClasses(metadata: Readonly<Record<string, string>>): readonly string[] | undefined {
  const classes = tryJson(metadata[checkpointMetadata.classes]);
  return Array.isArray(classes) && classes.every((c) => typeof c === "string") ? classes : undefined;
}
