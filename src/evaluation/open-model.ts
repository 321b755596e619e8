/** Finds a model and its weights: a run folder, a checkpoint that names its model, or a name and a file. */
import { readTrainedOn, type TrainedOn } from "../data/dataset/trained-on.js";
import type { OwnModel } from "../models/own-model.js";
import { loadWeights } from "../weights/load.js";
import { locateWeights } from "../weights/locate.js";
import { checkpointMetadata } from "./checkpoint-metadata.js";
import { describeWeights } from "./describe-weights.js";
import { type ResolvedModel, resolveModel } from "./resolve-model.js";
import type { ViewChoice } from "./view.js";

/** Which model to open, and whose weights. */
export interface ModelChoice extends ViewChoice {
  /** Name of the model; not needed for a deit checkpoint. */
  readonly model?: string;
  /**
   * A safetensors or PyTorch file, also in shards; a run folder, of which the best checkpoint is used, or a folder
   * saved by transformers or timm; `hub` for the published weights of the model; or `hub:owner/name`.
   */
  readonly weights: string;
  /** Creates a custom model, with the name stated in the checkpoint. */
  readonly ownModel?: OwnModel;
  /** Class names; a deit checkpoint contains its own. */
  readonly classes?: readonly string[];
  /** Bytes of a download so far and in total. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A model with its weights and what its outputs mean. */
export interface OpenedModel extends ResolvedModel {
  /** The images that a deit run trained it on; undefined if the weights do not state them. */
  readonly trainedOn?: TrainedOn;
}

/**
 * Opens a model with its weights. The caller's choice takes precedence, then what the weights state, then the files
 * next to them, then the model's own defaults. Throws a DeitError if they do not fit together.
 *
 * @example
 * ```ts
 * import { openModel } from "deit";
 *
 * const { model, classes, view } = await openModel({ weights: "runs/photos" });
 * console.log(model.name, model.imageSize, classes, view.interpolation);
 * ```
 */
export async function openModel(choice: ModelChoice): Promise<OpenedModel> {
  const found = await locateWeights(choice);
  const { path } = found;
  const loaded = await loadWeights(found);
  const resolved = resolveModel(choice, { path, ...loaded }, await describeWeights(found, loaded));
  return { ...resolved, trainedOn: readTrainedOn(loaded.metadata[checkpointMetadata.trainedOn], path) };
}
