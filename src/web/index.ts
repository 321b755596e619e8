/**
 * Classifiers in web pages, on ONNX Runtime's WebAssembly and WebGPU backends.
 * @module deit/web
 */

export type { CropMode } from "../data/pixels/fit.js";
export type { Exif } from "../data/pixels/orientation.js";
export type { PixelImage } from "../data/pixels/pixel-image.js";
export type { Interpolation } from "../data/pixels/resize.js";
export {
  DeitError,
  DownloadError,
  EngineError,
  FileError,
  InterruptedError,
  OutOfMemoryError,
  ShapeError,
  TrainingError,
  UsageError,
  WeightsError,
} from "../errors/errors.js";
export type { AttentionMaps, AttentionToken } from "../evaluation/attention.js";
export type { NormalizationChoice, NormalizationName } from "../evaluation/normalization.js";
export type { ClassifyOptions, EmbedOptions, Prediction } from "../evaluation/predictions.js";
export type { TestTime, TestTimeKind } from "../evaluation/test-time.js";
export type { Accuracy, TrainingRecord } from "../evaluation/training-record.js";
export type { EvaluationView, ViewChoice } from "../evaluation/view.js";
export type {
  FineTuned,
  FineTuneEpoch,
  FineTuneEvent,
  FineTuneOptions,
  FineTuneSettings,
  HeldOut,
} from "../fine-tuning/options.js";
export type { Channels } from "../geometry/channels.js";
export type { Grid, ImageSize } from "../geometry/image-size.js";
export type { Head } from "../models/context.js";
export type { Model, Normalization } from "../models/model.js";
export { modelNames } from "../models/registry.js";
export type { LayoutName } from "../portable/layouts/index.js";
export type { QuantizationName } from "../portable/quantize/index.js";
export type { NamedTensors } from "../tensor/index.js";
export type { Backend, BackendChoice } from "./backend-choice.js";
export {
  type ClassifierSettings,
  type ClassifierSource,
  classifier,
  type ImageClassifier,
} from "./classifier.js";
export type { DownloadOptions, FileInput } from "./fetched.js";
export { type FineTunedClassifier, fineTune } from "./fine-tune.js";
export type { ImageInput, Shown } from "./image.js";
export type { WeightsChoice } from "./open-weights.js";
export { exportModel } from "./saving/export-model.js";
export type { WebExportSettings } from "./saving/export-settings.js";
export type { Savable } from "./saving/savable.js";
export {
  deleteModel,
  openSaved,
  type SavedModel,
  type SaveSettings,
  savedModels,
  saveModel,
  type UnreadableModel,
} from "./saving/saved-models.js";
export { StorageError } from "./saving/storage-error.js";
