/** A classifier of preprocessed images, ready to compute: what its callers share, whatever it was opened from. */
import type { ImageSize } from "../geometry/image-size.js";
import type { Model } from "../models/model.js";
import type { NamedTensors } from "../tensor/index.js";
import type { Classifier } from "./classifier.js";
import type { Derive, Probe } from "./probe.js";
import type { EvaluationView } from "./view.js";

/** A model whose intermediate values are accessible. */
export interface InsideModel {
  readonly model: Model;
  readonly weights: NamedTensors;
  /** Derives values from the parameters that the classifier has on the engine; to be disposed of before it. */
  probe(derive: Derive): Probe;
}

/** A classifier of preprocessed images, without the callable interface. */
export interface OpenedClassifier {
  readonly name: string;
  readonly view: EvaluationView;
  readonly classes?: readonly string[];
  readonly notes: readonly string[];
  /** Whether it was trained on images of several labels: each probability is a sigmoid. */
  readonly severalLabels?: boolean;
  /** Undefined for an ONNX file, whose structure is unknown. */
  readonly inside?: InsideModel;
  /** Images of one run of an ONNX file that fixes them, otherwise undefined. */
  readonly fixedBatch?: number;
  /** Logits `[batch, classes]` of that many views, `batch · height · width · 3` bytes, of `size` (default: the view's). */
  logits(views: Uint8Array, batch: number, size?: ImageSize): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** A model on an engine as an opened classifier; `weights` are those that it was created with. */
export const overModel = (
  classifier: Classifier,
  weights: NamedTensors,
): Pick<OpenedClassifier, "name" | "logits" | "dispose"> & Required<Pick<OpenedClassifier, "inside">> => ({
  name: classifier.model.name,
  inside: { model: classifier.model, weights, probe: (derive) => classifier.probe(derive) },
  logits: (views, batch, size) => classifier.logits(views, batch, size),
  dispose: () => classifier.dispose(),
});
