/** A model that is in memory, with its weights. */
import type { Model } from "../models/model.js";
import type { NamedTensors } from "../tensor/index.js";
import type { EvaluationView } from "./view.js";

/** A model in memory, as returned by `createModel` and `initialize` or `openModel`. */
export interface ModelInMemory {
  /** The model. */
  readonly model: Model;
  /** All of its parameters by name. */
  readonly weights: NamedTensors;
  /** How images are preprocessed for it (default: the model's own view). */
  readonly view?: EvaluationView;
  /** Class names in the order of the outputs. */
  readonly classes?: readonly string[];
}
