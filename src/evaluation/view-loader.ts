/** All images of a dataset in order, preprocessed for a model's evaluation. */
import type { Dataset } from "../data/dataset/dataset.js";
import { createLoader, type Loader, type LoaderOptions } from "../data/loading/loader.js";
import type { SeveralCrops } from "./test-time.js";
import { type EvaluationView, evaluationTransform } from "./view.js";

export interface ViewLoaderOptions extends Pick<LoaderOptions, "workers" | "process" | "jpeg" | "shapes"> {
  readonly dataset: Dataset;
  /** Without the normalisation, which the model applies: batches contain bytes. */
  readonly view: Omit<EvaluationView, "normalization"> & Partial<SeveralCrops>;
  readonly batchSize: number;
}

export function viewLoader({ view, ...options }: ViewLoaderOptions): Loader {
  return createLoader({
    ...options,
    ...{ transform: evaluationTransform(view), exif: view.exif },
    ...{ seed: 0, order: "sequential", dropLast: false },
  });
}
