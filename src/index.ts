/** `deit` as a library. */
export type { Dataset, OpenOptions, SampleSource } from "./data/dataset.js";
export { decodeImage } from "./data/decode.js";
export type { RgbImage } from "./data/image.js";
export { type Batch, createLoader, type Loader, type LoaderOptions } from "./data/loader.js";
export { openDataset } from "./data/open.js";
export { type Interpolation, resize } from "./data/resize.js";
export { applyTransform, type Transform } from "./data/transform.js";
export type { DeviceState, Engine, EngineInfo, Executable, Precision } from "./engines/engine.js";
export { createOnnxEngine } from "./engines/onnx/engine.js";
export * from "./errors.js";
export { type Decisions, disagreement } from "./evaluation/agreement.js";
export { Attention, type AttentionMaps } from "./evaluation/attention.js";
export { Classifier } from "./evaluation/classifier.js";
export { evaluate as evaluateClassifier } from "./evaluation/evaluate.js";
export { softmaxOf, topK } from "./evaluation/metrics.js";
export { type ModelChoice, type OpenedModel, openModel } from "./evaluation/open-model.js";
export { type Derive, Probe, type Seen } from "./evaluation/probe.js";
export { adaptWeights } from "./models/adapt.js";
export { decisionLogits, inferenceContext, parameterInputs } from "./models/context.js";
export { type DeitConfig, deit } from "./models/deit.js";
export { initialize } from "./models/initialize.js";
export {
  type ForwardContext,
  imagenetNormalization,
  type Logits,
  type Model,
  type ParameterSpec,
} from "./models/model.js";
export { normalize } from "./models/normalize.js";
export { createModel, modelNames } from "./models/registry.js";
export { RandomStream } from "./random/stream.js";
export * as tensor from "./tensor/index.js";
export type { EpochRecord, TrainEvent } from "./training/events.js";
export { type LogLine, logSchema, readLog } from "./training/log-schema.js";
export { crossEntropy, distilledLoss, smoothedTargets } from "./training/losses.js";
export { createOptimizer, type OptimizerOptions } from "./training/optimizer.js";
export { parseRecipe, type Recipe, type RecipeSettings } from "./training/recipe.js";
export { buildStep, type Step, stepInputs, trainStep } from "./training/step.js";
export type { TrainOptions } from "./training/train-options.js";
export { type TrainResult, train } from "./training/trainer.js";
export { loadWeights } from "./weights/load.js";
export { readSafetensors, writeSafetensors } from "./weights/safetensors.js";
