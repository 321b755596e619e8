/**
 * Data below the library's `train`: datasets of every format, decoding, resizing, views and batches.
 * @module deit/data
 */

// Datasets: from paths, from memory, from functions of the caller, and their parts.

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
} from "./dataset/dataset.js";
export { subset } from "./dataset/dataset.js";
export { partOf } from "./dataset/split.js";
export { type MemoryOptions, type MemorySample, memoryDataset } from "./sources/memory.js";
export { openDataset } from "./sources/open.js";
export { type OwnSample, type OwnSamples, sampleDataset } from "./sources/own-samples.js";

// Images: decoding, resizing with the numbers of Pillow, and the view that a model sees.

export type { Channels } from "../geometry/channels.js";
export type { ImageSize } from "../geometry/image-size.js";
export { type DecodeOptions, decodeImage } from "./codec/decode.js";
export type { CropKind, CropOptions } from "./pixels/crop.js";
export type { RgbImage, Size } from "./pixels/image.js";
export type { Exif } from "./pixels/orientation.js";
export type { PixelImage } from "./pixels/pixel-image.js";
export { type Interpolation, type ResizeOptions, resize } from "./pixels/resize.js";
export type { TrainingCrop } from "./view/training.js";
export { applyTransform, type EvaluationTransform, type TrainingTransform, type Transform } from "./view/transform.js";

// Augmentation of training images.

export type { Augmentation, ColorJitter } from "./augment/augment.js";
export { type Policy, parsePolicy } from "./augment/policy.js";
export type { OwnAugmentation } from "./loading/on-this-thread.js";

// Batches.

export { type Batch, createLoader, type Loader, type LoaderOptions } from "./loading/loader.js";
export { NativeShapes } from "./loading/native-batches.js";
export type { CropMode, Fit } from "./pixels/fit.js";
