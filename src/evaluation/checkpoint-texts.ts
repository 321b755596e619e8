/** The metadata that deit writes into its checkpoints, in Node and in pages: all that opening them needs. */
import type { Model } from "../models/model.js";
import { checkpointMetadata } from "./checkpoint-metadata.js";
import { writeSavedView } from "./saved-view.js";
import { type TrainingRecord, writeTrainingRecord } from "./training-record.js";
import type { EvaluationView } from "./view.js";

/** What a checkpoint says besides its tensors. */
export interface AboutCheckpoint {
  readonly model: Model;
  /** Names of the classes in the order of the outputs, if they are known. */
  readonly classes?: readonly string[];
  readonly view: EvaluationView;
  /** Whether it was trained on images of several labels, so that its outputs are sigmoids. */
  readonly severalLabels?: boolean;
  /** The images that a run trained it on (`writeTrainedOn`). */
  readonly trainedOn?: string;
  /** Of weights without a run's folder: how they were trained. */
  readonly training?: TrainingRecord;
}

export function checkpointTexts({
  model,
  classes,
  view,
  trainedOn,
  training,
  severalLabels,
}: AboutCheckpoint): Readonly<Record<string, string>> {
  const texts = {
    format: "pt",
    [checkpointMetadata.model]: model.name,
    [checkpointMetadata.config]: JSON.stringify(model.config),
    [checkpointMetadata.classes]: classes && JSON.stringify(classes),
    [checkpointMetadata.labels]: severalLabels ? "several" : undefined,
    [checkpointMetadata.view]: writeSavedView(view),
    [checkpointMetadata.trainedOn]: trainedOn,
    [checkpointMetadata.training]: training && writeTrainingRecord(training),
  };
  return Object.fromEntries(Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
