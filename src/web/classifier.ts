/** `classifier` for pages: pictures in, labels out, as in Node. */
import { applyTransform } from "../data/view/transform.js";
import { UsageError } from "../errors/errors.js";
import { Attention, type AttentionMaps, type AttentionToken } from "../evaluation/attention.js";
import { Classifier } from "../evaluation/classifier.js";
import { embedding, patchFeatures } from "../evaluation/features.js";
import { type ClassifyOptions, type EmbedOptions, type Prediction, predictionsOf } from "../evaluation/predictions.js";
import { Probe } from "../evaluation/probe.js";
import type { TrainingRecord } from "../evaluation/training-record.js";
import { type EvaluationView, evaluationTransform } from "../evaluation/view.js";
import { requireFiniteLogits } from "../models/finite.js";
import type { Model } from "../models/model.js";
import { Closing } from "../system/closing.js";
import { mean, type NamedTensors } from "../tensor/index.js";
import { type OpenedBackend, openBackend } from "./backend.js";
import type { Backend, BackendChoice } from "./backend-choice.js";
import { bytesOf, type FileInput } from "./fetched.js";
import { type ImageInput, type NamedImage, readImage } from "./image.js";
import { type OpenedWeights, openWeights, type WeightsChoice } from "./open-weights.js";

/** Which classifier: the address of a safetensors file, such a file, or its bytes; with the model's name if needed. */
export type ClassifierSource =
  | FileInput
  | {
      /** A safetensors file. */
      readonly weights: FileInput;
      /** Name of the model, if the weights do not state it. */
      readonly model?: string;
    };

/** How a classifier is opened. */
export interface ClassifierSettings extends Omit<WeightsChoice, "model">, BackendChoice {
  /** Bytes of the weights so far and in total. */
  readonly onProgress?: (done: number, total: number) => void;
}

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
  /** Its parameters by name. */
  readonly weights: NamedTensors;
  /** How pictures are preprocessed for it. */
  readonly view: EvaluationView;
  /** How it was trained, if its weights say so. */
  readonly training?: TrainingRecord;
  /** Logits of all classes, before softmax. */
  logits(image: ImageInput): Promise<Float32Array>;
  /** A vector of `width` numbers for a picture. Throws UsageError for a model without embeddings. */
  embed(image: ImageInput, options?: EmbedOptions): Promise<Float32Array>;
  /** One for each picture. */
  embed(images: readonly ImageInput[], options?: EmbedOptions): Promise<readonly Float32Array[]>;
  /** Attention of the token to the patches: a map per head of the last block, and the rollout over all layers. */
  attention(image: ImageInput, token?: AttentionToken): Promise<AttentionMaps>;
  /** Frees the model. */
  close(): Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens a classifier in a page. `source` is a safetensors file: its address, a `File` or its bytes, or `{ model,
 * weights }`. Pictures are preprocessed as in Node, so the answers are Node's. Throws a DeitError if it cannot be opened.
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
  const { backend, threads, wasmFolder, onProgress, ...choice } = settings;
  const { weights, model } = isNamed(source) ? source : { weights: source, model: undefined };
  const [file, opened] = await Promise.all([
    bytesOf(weights, "the weights", onProgress),
    openBackend({ backend, threads, wasmFolder }),
  ]);
  const read = openWeights(file, { ...choice, model });
  return callable(
    new Opened(read, opened, await Classifier.create({ engine: opened.engine, model: read.model }, read.weights)),
  );
}

const isNamed = (source: ClassifierSource): source is Exclude<ClassifierSource, FileInput> =>
  typeof source === "object" && "weights" in source;

function callable(opened: Opened): ImageClassifier {
  const { classes, notes, model, weights, view, training } = opened.read;
  const close = () => opened.close();
  const call = (input: ImageInput | readonly ImageInput[], options: ClassifyOptions = {}) =>
    opened.each(input, (image) => opened.classify(image, options));
  const members = {
    ...{ classes, notes, model, weights, view, training, backend: opened.backend, close },
    logits: (image: ImageInput) => opened.each(image, (read) => opened.logits(read)),
    embed: (input: ImageInput | readonly ImageInput[], options: EmbedOptions = {}) =>
      opened.each(input, (image) => opened.embed(image, options)),
    attention: (image: ImageInput, token: AttentionToken = "class") =>
      opened.each(image, (read) => opened.attention(read, token)),
    [Symbol.asyncDispose]: close,
  };
  return Object.assign(call, members) as ImageClassifier;
}

/** The model behind the function, and the resources it has opened. */
class Opened {
  readonly backend: Backend;
  readonly #engine: OpenedBackend["engine"];
  readonly #probes = new Map<string, Promise<Probe>>();
  readonly #attentions = new Map<AttentionToken, Promise<Attention>>();
  readonly #closing = new Closing();
  #closed: Promise<void> | undefined;

  constructor(
    readonly read: OpenedWeights,
    { engine, backend }: OpenedBackend,
    private readonly model: Classifier,
  ) {
    this.backend = backend;
    this.#engine = engine;
    this.#closing.add(() => engine.close());
    this.#closing.add(() => model.dispose());
  }

  /** One picture at a time: results do not depend on the others. */
  async each<T>(input: ImageInput | readonly ImageInput[], work: (image: NamedImage) => Promise<T>): Promise<T | T[]> {
    if (this.#closed) throw new UsageError("The classifier is closed; open a new one.");
    const { exif } = this.read.view;
    if (!isList(input)) return work(await readImage(input, exif));
    const results: T[] = [];
    for (const [i, one] of input.entries()) results.push(await work(await readImage(one, exif, i)));
    return results;
  }

  async logits(image: NamedImage): Promise<Float32Array> {
    const logits = await this.model.logits(this.#view(image), 1);
    requireFiniteLogits(logits, this.read.model.name, image.name);
    return logits;
  }

  async classify(image: NamedImage, { top = 5 }: ClassifyOptions): Promise<readonly Prediction[]> {
    if (!Number.isInteger(top) || top < 1) throw new UsageError(`top is ${top}; give a whole number, 1 or more.`);
    return predictionsOf(await this.logits(image), this.read.classes, top);
  }

  async embed(image: NamedImage, { from = "class" }: EmbedOptions): Promise<Float32Array> {
    if (from !== "class" && from !== "patches")
      throw new UsageError(`There is no embedding from "${String(from)}"; choose class or patches.`);
    const probe = await this.#probe(from);
    return (await probe.run(this.#view(image), 1)).get("embedding")!.data as Float32Array;
  }

  async attention(image: NamedImage, token: AttentionToken): Promise<AttentionMaps> {
    const { model, weights } = this.read;
    let attention = this.#attentions.get(token);
    if (!attention) {
      attention = Attention.create(this.#engine, model, weights, token);
      this.#attentions.set(token, attention);
      this.#keep(attention);
    }
    return (await (await attention).maps(this.#view(image), 1))[0];
  }

  close(): Promise<void> {
    this.#closed ??= this.#closing.close();
    return this.#closed;
  }

  #probe(from: "class" | "patches"): Promise<Probe> {
    let probe = this.#probes.get(from);
    if (!probe) {
      const { model, weights } = this.read;
      const patches = from === "patches" ? patchFeatures(model) : undefined;
      probe = Probe.create(
        this.#engine,
        model,
        weights,
        patches ? (seen) => ({ embedding: mean(patches(seen).patches, [1, 2]) }) : embedding(model),
      );
      this.#probes.set(from, probe);
      this.#keep(probe);
    }
    return probe;
  }

  #keep(opened: Promise<{ dispose(): Promise<void> }>): void {
    this.#closing.add(async () => (await opened).dispose());
    opened.catch(() => undefined); // callers get the rejection
  }

  #view = ({ image }: NamedImage): Uint8Array => applyTransform(image, evaluationTransform(this.read.view));
}

const isList = (input: ImageInput | readonly ImageInput[]): input is readonly ImageInput[] => Array.isArray(input);
