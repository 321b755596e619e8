/** `classifier` for pages: pictures in, labels out, as in Node. */

import { abortSignal, aFunction, aString, checkOptions, type OptionChecks, strings } from "../errors/options.js";
import type { AttentionMaps, AttentionToken } from "../evaluation/attention.js";
import { type CalledParts, calledClassifier } from "../evaluation/called-classifier.js";
import { Classifier } from "../evaluation/classifier.js";
import { overModel } from "../evaluation/opened-classifier.js";
import type { ClassifyOptions, EmbedOptions, Prediction } from "../evaluation/predictions.js";
import { SharedEngine } from "../evaluation/shared-engine.js";
import type { TrainingRecord } from "../evaluation/training-record.js";
import type { EvaluationView } from "../evaluation/view.js";
import { imageSizeOption } from "../geometry/image-size.js";
import type { Model } from "../models/model.js";
import type { NamedTensors } from "../tensor/index.js";
import { openBackend } from "./backend.js";
import type { Backend, BackendChoice } from "./backend-choice.js";
import type { DownloadOptions, FileInput } from "./fetched.js";
import { type ImageInput, readImage } from "./image.js";
import { locateWeights } from "./located.js";
import { openWeights, type WeightsChoice } from "./open-weights.js";

/**
 * Which classifier: the address of a safetensors file, or of a folder with one (ending in "/"), such a file or its bytes, or a
 * zip of such a folder; with the model's name if needed.
 */
export type ClassifierSource =
  | FileInput
  | {
      /** A safetensors file, or a folder or zip with one. */
      readonly weights: FileInput;
      /** Name of the model, if the weights do not state it. */
      readonly model?: string;
    };

/** How a classifier is opened. */
export interface ClassifierSettings extends Omit<WeightsChoice, "model">, BackendChoice, DownloadOptions {}

/** An image classifier in a page, called as a function. It holds memory until `close()`. */
export interface ImageClassifier {
  /** The most likely classes of a picture, most likely first. */
  (image: ImageInput, options?: ClassifyOptions): Promise<readonly Prediction[]>;
  /** The same for each of several pictures, in order. */
  (images: readonly ImageInput[], options?: ClassifyOptions): Promise<readonly (readonly Prediction[])[]>;
  /** Names of the classes in the order of the outputs, if known. */
  readonly classes?: readonly string[];
  /** Notes on how the weights were interpreted. */
  readonly notes: readonly string[];
  /** What computes, and why that was chosen. */
  readonly backend: Backend;
  /** The model. */
  readonly model: Model;
  /** All of its parameters by name. */
  readonly weights: NamedTensors;
  /** How pictures are preprocessed for it. */
  readonly view: EvaluationView;
  /** How it was trained, if its weights say so. */
  readonly training?: TrainingRecord;
  /** Logits of all classes, before softmax. */
  logits(image: ImageInput): Promise<Float32Array>;
  /** The same for each of several pictures, in order. */
  logits(images: readonly ImageInput[]): Promise<readonly Float32Array[]>;
  /** A vector of `width` numbers for a picture. Throws UsageError for a model without embeddings. */
  embed(image: ImageInput, options?: EmbedOptions): Promise<Float32Array>;
  /** One for each picture. */
  embed(images: readonly ImageInput[], options?: EmbedOptions): Promise<readonly Float32Array[]>;
  /** Attention of the token to the patches: a map per head of the last block, and the rollout over all layers. */
  attention(image: ImageInput, token?: AttentionToken): Promise<AttentionMaps>;
  /** The same for each of several pictures, in order. */
  attention(images: readonly ImageInput[], token?: AttentionToken): Promise<readonly AttentionMaps[]>;
  /** Completes what has been asked, then frees the model. */
  close(): Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a classifier in a page. `source` is a safetensors file: its address, a `File` or its bytes, a folder or
 * zip with one, or `{ model, weights }`. Pictures are preprocessed as in Node, so the answers are Node's. Throws a DeitError if it cannot be opened.
 *
 * ```js
 * import { classifier } from "deit/web";
 *
 * const classify = await classifier({ model: "deit_tiny_patch16_224", weights: "model.safetensors" });
 * for (const { label, score } of await classify("cat.jpg", { top: 3 })) console.log(label, score);
 * ```
 */
export async function classifier(
  source: ClassifierSource,
  settings: ClassifierSettings = {},
): Promise<ImageClassifier> {
  checkOptions("classifier", settings, classifierOptions);
  const { backend, threads, wasmFolder, onProgress, signal, ...choice } = settings;
  const { weights, model } = isNamed(source) ? source : { weights: source, model: undefined };
  const [file, opened] = await Promise.all([
    locateWeights(weights, { onProgress, signal }),
    openBackend({ backend, threads, wasmFolder }),
  ]);
  const read = openWeights(file, { ...choice, model });
  const { engine, backend: computes } = opened;
  const { model: its, weights: tensors, view, classes, severalLabels, notes, training } = read;
  const made = await Classifier.create({ engine, model: its }, tensors);
  const parts = {
    opened: { ...overModel(made, tensors), view, classes, severalLabels, notes: notes.map(String) },
    engine: new SharedEngine(engine, () => engine.close()),
    read: readImage,
  };
  return webClassifier(parts, computes, training);
}

/** The parts of a model in the page as a function. */
export function webClassifier(
  made: CalledParts<ImageInput>,
  backend: Backend,
  training: TrainingRecord | undefined,
): ImageClassifier {
  const { inside, view } = made.opened;
  const { model, weights } = inside!;
  return Object.assign(calledClassifier(made), { backend, model, weights, view, training }) as ImageClassifier;
}

const isNamed = (source: ClassifierSource): source is Exclude<ClassifierSource, FileInput> =>
  typeof source === "object" && source !== null && "weights" in source;

const classifierOptions: OptionChecks<ClassifierSettings> = {
  ...{ backend: undefined, threads: undefined, wasmFolder: aString, onProgress: aFunction, signal: abortSignal },
  ...{ imageSize: imageSizeOption, cropRatio: undefined, interpolation: undefined, normalization: undefined },
  ...{ cropMode: undefined, borderColor: undefined, exif: undefined, classes: strings },
};
