/** `classifier`: images in, labels out. */

import type { TrainedOn } from "../data/dataset/trained-on.js";
import { aFunction, checkOptions, type OptionChecks, oneOf, strings } from "../errors/options.js";
import type { AttentionMaps, AttentionToken } from "../evaluation/attention.js";
import { type CalledParts, calledClassifier } from "../evaluation/called-classifier.js";
import type { ClassifyOptions, EmbedOptions, Prediction } from "../evaluation/predictions.js";
import { SharedEngine } from "../evaluation/shared-engine.js";
import { imageSizeOption } from "../geometry/image-size.js";
import { type EngineOption, leaseEngine } from "./engine.js";
import { type ImageInput, readImage } from "./image.js";
import { type ClassifierChoice, type ClassifierSource, openClassifier } from "./opened-classifier.js";

/** How a classifier is opened. */
export interface ClassifierSettings extends ClassifierChoice {
  /** The engine (default: `auto`). An engine that is already open is not closed with the classifier. */
  readonly engine?: EngineOption;
}

/** An image classifier, called as a function. It holds memory until `close()`, or the end of an `await using`. */
export interface ImageClassifier {
  /** The most likely classes of an image, most likely first. */
  (image: ImageInput, options?: ClassifyOptions): Promise<readonly Prediction[]>;
  /** The same for each of several images, in order. */
  (images: readonly ImageInput[], options?: ClassifyOptions): Promise<readonly (readonly Prediction[])[]>;
  /** Names of the classes in the order of the outputs, if known. */
  readonly classes?: readonly string[];
  /** Notes on how the weights were interpreted. */
  readonly notes: readonly string[];
  /** The images that a deit run trained it on, and how to open those that the run held out. */
  readonly trainedOn?: TrainedOn;
  /**
   * Logits of all classes for an image, before softmax; of an ONNX file, what stands for them.
   *
   * @example
   * ```ts
   * import { classifier } from "deit";
   *
   * await using classify = await classifier("runs/photos");
   * console.log(await classify.logits("cat.jpg"));
   * ```
   */
  logits(image: ImageInput): Promise<Float32Array>;
  /** The same for each of several images, in order. */
  logits(images: readonly ImageInput[]): Promise<readonly Float32Array[]>;
  /**
   * A vector of `width` numbers for an image. Throws UsageError for a model without embeddings.
   *
   * @example
   * ```ts
   * import { classifier } from "deit";
   *
   * await using classify = await classifier("runs/photos");
   * const [cat, dog] = await classify.embed(["cat.jpg", "dog.jpg"]);
   * console.log("distance", Math.hypot(...cat.map((v, i) => v - dog[i])));
   * ```
   */
  embed(image: ImageInput, options?: EmbedOptions): Promise<Float32Array>;
  /** One for each image. */
  embed(images: readonly ImageInput[], options?: EmbedOptions): Promise<readonly Float32Array[]>;
  /**
   * Attention of the token to the patches: a map per head of the last block, and the rollout over all layers. Of a custom
   * model without a class token (`nn.classToken`), it is the mean over the patches.
   *
   * @example
   * ```ts
   * import { classifier } from "deit";
   *
   * await using classify = await classifier("runs/photos");
   * const { grid, heads, rollout } = await classify.attention("cat.jpg");
   * const most = rollout.indexOf(Math.max(...rollout));
   * console.log(`${heads.length} heads; looks at row ${Math.floor(most / grid[1])}, column ${most % grid[1]}`);
   * ```
   */
  attention(image: ImageInput, token?: AttentionToken): Promise<AttentionMaps>;
  /** The same for each of several images, in order. */
  attention(images: readonly ImageInput[], token?: AttentionToken): Promise<readonly AttentionMaps[]>;
  /** Completes what has been asked, then frees the model, and the engine if it is no longer used. */
  close(): Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a classifier. `source` is a model's name, for its published weights (from the hub, kept in its cache); a run
 * folder or a weights file; an ONNX file of any image classifier; `{ model: "name", weights: "file" }`; or a model and
 * its weights in memory. Predictions equal those of `deit predict`. Throws a DeitError if it cannot be opened.
 *
 * @example
 * ```js
 * import { classifier } from "deit";
 *
 * const classify = await classifier("runs/photos");
 * for (const { label, score } of await classify("cat.jpg", { top: 3 })) console.log(label, score);
 * ```
 */
export async function classifier(
  source: ClassifierSource,
  settings: ClassifierSettings = {},
): Promise<ImageClassifier> {
  checkOptions("classifier", settings, classifierOptions);
  const { engine, ...choice } = settings;
  const lease = await leaseEngine(engine);
  try {
    const opened = await openClassifier(source, choice, lease.engine);
    const shared = new SharedEngine(lease.engine, lease.release);
    return libraryClassifier({ opened, engine: shared, read: readImage }, opened.trainedOn);
  } catch (error) {
    await lease.release();
    throw error;
  }
}

/** The parts of a classifier as a function. */
export const libraryClassifier = (made: CalledParts<ImageInput>, trainedOn?: TrainedOn): ImageClassifier =>
  Object.assign(calledClassifier(made), { trainedOn }) as ImageClassifier;

const classifierOptions: OptionChecks<ClassifierSettings> = {
  ...{ engine: undefined, imageSize: imageSizeOption, cropRatio: undefined, interpolation: undefined },
  ...{ cropMode: undefined, borderColor: undefined },
  ...{ normalization: undefined, exif: undefined, classes: strings, output: undefined },
  ...{ answers: oneOf("logits", "probabilities", "sigmoids"), onProgress: aFunction },
};
