/** What is written for other programs: a model with its weights, and where they come from. */
import type { TrainingRecord } from "../evaluation/training-record.js";
import type { EvaluationView } from "../evaluation/view.js";
import type { Head } from "../models/context.js";
import type { Model } from "../models/model.js";
import type { NamedTensors } from "../tensor/index.js";

/** A model with its weights, and where they come from. */
export interface PortableSource {
  readonly model: Model;
  /** All parameters of the model by name. */
  readonly weights: NamedTensors;
  /** How images are preprocessed for it. */
  readonly view: EvaluationView;
  /** The classes in the order of the outputs, if they are known. */
  readonly classes?: readonly string[];
  /** Name of the weights, without the folders that lead to them. */
  readonly name: string;
  /** The head of a distilled model whose logits are given. */
  readonly head: Head;
  readonly license?: string;
  /** What the weights say of the images that they were trained on (`writeTrainedOn`). */
  readonly trainedOn?: string;
  /** The training, as far as it is known. */
  readonly training?: TrainingRecord;
}
