/** What can be saved: an open classifier, or anything else that has a model with its weights. */
import { UsageError } from "../../errors/errors.js";
import { shown } from "../../errors/options.js";
import type { TrainingRecord } from "../../evaluation/training-record.js";
import type { EvaluationView } from "../../evaluation/view.js";
import type { Model } from "../../models/model.js";
import type { NamedTensors } from "../../tensor/index.js";

/** A model with its weights and what its inputs and outputs mean: an `ImageClassifier`, or what `fineTune` returns. */
export interface Savable {
  /** The model. */
  readonly model: Model;
  /** Its parameters by name. */
  readonly weights: NamedTensors;
  /** How pictures are preprocessed for it. */
  readonly view: EvaluationView;
  /** Names of the classes in the order of the outputs, if known. */
  readonly classes?: readonly string[];
  /** How it was trained, if that is known. */
  readonly training?: TrainingRecord;
}

/** Throws UsageError for what is no such model; `what` does something with it. */
export function requireSavable(model: Savable, what: string): void {
  if (model?.model?.parameters && model.weights instanceof Map && model.view) return;
  throw new UsageError(`${what} needs an open classifier, or what fineTune returned; it was given ${shown(model)}.`);
}
