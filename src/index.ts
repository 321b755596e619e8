/**
 * `deit` as a library.
 * @module deit
 */

// Classify: images in, labels, features and attention maps out.

export type { ModelInMemory } from "./evaluation/model-in-memory.js";
export type { ClassifyOptions, EmbedOptions, Prediction } from "./evaluation/predictions.js";
export type {
  FineTuned,
  FineTuneEpoch,
  FineTuneEvent,
  FineTuneOptions,
  FineTuneSettings,
  HeldOut,
} from "./fine-tuning/options.js";
export {
  type ClassifierSettings,
  classifier,
  type ImageClassifier,
} from "./library/classifier.js";
export { type FineTunedClassifier, fineTune } from "./library/fine-tune.js";
export type { ImageInput } from "./library/image.js";
export type {
  ClassifierChoice,
  ClassifierSource,
  NamedWeights,
} from "./library/opened-classifier.js";

// Export: a model for other programs.

export { type ExportResult, type ExportSettings, exportModel, type WrittenFile } from "./export/export.js";
export type { SourceChoice } from "./export/source.js";
export type { PortableChoice } from "./portable/choice.js";
export type { LayoutName } from "./portable/layouts/index.js";
export type { QuantizationName } from "./portable/quantize/index.js";
export type { MeasuredFile, Verification } from "./portable/verification.js";

// Train and distil: runs and their events.

export type { OwnAugmentation } from "./data/loading/on-this-thread.js";
export type { TrainingRun } from "./library/run.js";
export { type DistilSettings, distil, type TrainingImages, type TrainSettings, train } from "./library/train.js";
export type { DataPlace } from "./training/feed/data-place.js";
export type { OnNaN } from "./training/run/broken-run.js";
export type { TrainOptions } from "./training/run/train-options.js";
export type { TrainResult } from "./training/run/trainer.js";
export type { EpochRecord, LossParts, TrainEvent, Warning } from "./training/run-folder/events.js";
export { type LogLine, logSchema, readLog } from "./training/run-folder/log-schema.js";
export type { OwnTeacher, TeacherFunction, TeacherImages, TeacherLogits } from "./training/teacher/function.js";
export type { PassedTeacher } from "./training/teacher/own.js";

// Recipes: the settings of a run.

export { parseRecipe, type Recipe, type RecipeSettings, recipeSchema } from "./training/recipe/recipe.js";

// Models: your own, the built-in ones, and their weights.

export { type ModelChoice, type OpenedModel, openModel } from "./evaluation/open-model.js";
export type { ResolvedModel } from "./evaluation/resolve-model.js";
export type { Accuracy, TrainingRecord } from "./evaluation/training-record.js";
export type { SafetensorsContents } from "./formats/safetensors/decode.js";
export { readSafetensors, writeSafetensors } from "./formats/safetensors/safetensors.js";
export type { Channels } from "./geometry/channels.js";
export type { Grid, ImageSize } from "./geometry/image-size.js";
export { type AdaptOptions, adaptWeights } from "./models/adapt.js";
export { decisionLogits, type Head, inferenceContext, parameterInputs } from "./models/context.js";
export { type DeitConfig, deit, type Pool } from "./models/deit.js";
export type { AllOptions } from "./models/families/index.js";
export { imageLength, imagesShape } from "./models/image-batch.js";
export { initialize } from "./models/initialize.js";
export type { ConvolutionLayer, Layers, LinearOptions } from "./models/layers.js";
export {
  type CommonOptions,
  type ForwardContext,
  type Initializer,
  imagenetNormalization,
  type Logits,
  type Model,
  type Normalization,
  type ParameterDeclaration,
  type ParameterPart,
  type ParameterSpec,
  type TokenGrid,
} from "./models/model.js";
export { normalize } from "./models/normalize.js";
export {
  type BuildModel,
  defineModel,
  type MadeOptions,
  type ModelLayers,
  type OwnModel,
  type OwnOptions,
} from "./models/own-model.js";
export type { PositionInterpolation } from "./models/position-embedding.js";
export { createModel, type ModelOptions, modelNames } from "./models/registry.js";
export type { RegnetConfig } from "./models/regnet.js";
export type { ResampleFilter } from "./models/resample.js";
export type { BlockOptions } from "./models/transformer.js";
export { usualClasses } from "./models/usual-classes.js";
export type { InnerNormalization } from "./weights/inner-normalization.js";
export { loadWeights } from "./weights/load.js";
export type { WeightFiles } from "./weights/locate.js";
export type { LoadedWeights } from "./weights/named.js";

// Evaluate and inspect a model on an engine.

export { type Decisions, disagreement } from "./evaluation/agreement.js";
export { Attention, type AttentionMaps, type AttentionToken } from "./evaluation/attention.js";
export { Classifier, type ClassifierOptions } from "./evaluation/classifier.js";
export type { EvalMetric } from "./evaluation/eval-metric.js";
export { type EvaluateOptions, evaluate as evaluateClassifier } from "./evaluation/evaluate.js";
export { embedding, patchFeatures } from "./evaluation/features.js";
export { type EvaluationResult, softmaxOf, topK } from "./evaluation/metrics.js";
export type { NormalizationChoice, NormalizationName } from "./evaluation/normalization.js";
export type { AnswerForm } from "./evaluation/onnx-file/answers.js";
export { type Derive, Probe, type Seen } from "./evaluation/probe.js";
export { type SeveralCrops, type TestTime, type TestTimeKind, withCrops } from "./evaluation/test-time.js";
export {
  type EvaluationView,
  evaluationTransform,
  type Geometry,
  type ViewChoice,
} from "./evaluation/view.js";

// Data: images, datasets of every format and of your own, batches (the whole: deit/data).

export type { AffineInterpolation } from "./data/augment/affine.js";
export type { Augmentation, ColorJitter } from "./data/augment/augment.js";
export type { PolicyStep } from "./data/augment/auto-augment.js";
export type { OperationName, OperationSettings } from "./data/augment/operations.js";
export type { Magnitudes, Policy } from "./data/augment/policy.js";
export { type DecodeOptions, decodeImage } from "./data/codec/decode.js";
export type {
  Choices,
  Dataset,
  OpenOptions,
  PartName,
  Pieces,
  RecordedSplit,
  SampleContent,
  SampleSource,
  SplitRule,
} from "./data/dataset/dataset.js";
export type { OnOpening, OpeningProgress } from "./data/dataset/opening.js";
export type { SampleSet } from "./data/dataset/sample-set.js";
export type { KnownImages, TrainedOn } from "./data/dataset/trained-on.js";
export { type Batch, createLoader, type Loader, type LoaderOptions } from "./data/loading/loader.js";
export { NativeShapes } from "./data/loading/native-batches.js";
export type { Sampling } from "./data/loading/order.js";
export type { CropKind, CropOptions } from "./data/pixels/crop.js";
export type { CropMode, Fit, Rgb } from "./data/pixels/fit.js";
export type { Box, Pixels, RgbImage, Size } from "./data/pixels/image.js";
export type { Exif } from "./data/pixels/orientation.js";
export type { PixelImage } from "./data/pixels/pixel-image.js";
export { type Interpolation, type ResizeOptions, resize } from "./data/pixels/resize.js";
export { type MemoryOptions, type MemorySample, memoryDataset } from "./data/sources/memory.js";
export { openDataset } from "./data/sources/open.js";
export { type OwnSample, type OwnSamples, sampleDataset } from "./data/sources/own-samples.js";
export type { CropPlace, TestCrop } from "./data/view/evaluation.js";
export type { TrainingCrop } from "./data/view/training.js";
export {
  applyTransform,
  type EvaluationTransform,
  type TrainingTransform,
  type Transform,
} from "./data/view/transform.js";
export { RandomStream, type StreamKey } from "./random/stream.js";

// The training step and its parts (the whole: deit/training).

export type { MixSettings } from "./training/step/batch/draw-mix.js";
export type { EraseMode, EraseSettings } from "./training/step/batch/erasing.js";
export type { BatchTransform, BatchTransformName } from "./training/step/batch/index.js";
export type { ClassWeights } from "./training/step/class-weights.js";
export type { ClipMode } from "./training/step/clipping.js";
export type { Consistency } from "./training/step/consistency.js";
export { type Distillation, type DistillationName, distilledLoss } from "./training/step/distillation/index.js";
export type { AnswerKind, SharedLogits, TeacherAnswer } from "./training/step/distillation/mode.js";
export type { FeatureDistillation } from "./training/step/features.js";
export { crossEntropy } from "./training/step/losses/cross-entropy.js";
export type { Loss, LossName } from "./training/step/losses/index.js";
export { smoothedTargets } from "./training/step/losses/targets.js";
export { createOptimizer, type OptimizerName, type OptimizerOptions } from "./training/step/optimizers/index.js";
export type { Optimizer, RateFactor, StepScalars } from "./training/step/optimizers/optimizer.js";
export type { Settings } from "./training/step/settings.js";
export {
  buildStep,
  type Step,
  type StepInputs,
  type StepOptions,
  stepInputs,
  trainStep,
} from "./training/step/step.js";
export type { StepTeacher } from "./training/step/taught.js";
export type { TeacherSource } from "./training/step/teachers.js";

// Tensors: the language that programs are written in (also as deit/tensor).

export * as tensor from "./tensor/index.js";

// Engines: what runs programs (the whole: deit/engines).

export type { Json, KeyValueStore, ProcessGroup } from "./cluster/process-group.js";
export type {
  CompileOptions,
  DeviceState,
  Engine,
  EngineInfo,
  Executable,
  MemoryNeed,
  Precision,
} from "./engines/engine.js";
export {
  createOnnxEngine,
  type Idle,
  type OnnxEngineOptions,
} from "./engines/onnx/engine.js";
export type { EngineChoice, EngineName } from "./engines/open.js";
export type { ProcessOptions } from "./engines/xla/open-client.js";
export { type EngineOption, openEngine } from "./library/engine.js";
export type { JsonObject } from "./system/text/json.js";

// Errors: one class per kind, each message a sentence that names settings apart from its text.

export {
  DeitError,
  DownloadError,
  EngineError,
  FileError,
  InterruptedError,
  NoSuchPartError,
  OutOfMemoryError,
  PausedError,
  ShapeError,
  TrainingError,
  UnlabelledPartError,
  UsageError,
  WeightsError,
} from "./errors/errors.js";
export type {
  Hint,
  Mention,
  Message,
  NamedCommand,
  Naming,
  Renaming,
  Sentence,
  SentencePart,
  SentenceValue,
  SettingValue,
  Way,
} from "./errors/sentence.js";
export type { Setting } from "./errors/settings.js";
export type { OwnTeachers } from "./training/teacher/own.js";
