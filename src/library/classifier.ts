/** `classifier`: images in, labels out. */
import type { TrainedOn } from "../data/dataset/trained-on.js";
import { applyTransform } from "../data/view/transform.js";
import { UsageError } from "../errors/errors.js";
import { Attention, type AttentionMaps, type AttentionToken } from "../evaluation/attention.js";
import { embedding, patchFeatures } from "../evaluation/features.js";
import { Probe } from "../evaluation/probe.js";
import { evaluationTransform } from "../evaluation/view.js";
import { requireFiniteLogits } from "../models/finite.js";
import { Closing } from "../system/closing.js";
import { mean } from "../tensor/index.js";
import { type EngineLease, type EngineOption, leaseEngine } from "./engine.js";
import { type ImageInput, type NamedImage, readImage } from "./image.js";
import {
  type ClassifierChoice,
  type ClassifierSource,
  type OpenedClassifier,
  openClassifier,
} from "./opened-classifier.js";
import { type Prediction, predictionsOf } from "./predictions.js";

/** How a classifier is opened. */
export interface ClassifierSettings extends ClassifierChoice {
  /** The engine (default: `auto`). An engine that is already open is not closed with the classifier. */
  readonly engine?: EngineOption;
}

/** How many predictions are returned. */
export interface ClassifyOptions {
  /** Number of most likely classes (default: 5); all if there are fewer. */
  readonly top?: number;
}

/** Which vector to return as the embedding. */
export interface EmbedOptions {
  /**
   * `class` (the default): the input of the head, for a distilled model the mean over both tokens; `patches`: the mean
   * of the normalised patch tokens.
   */
  readonly from?: "class" | "patches";
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
   * Attention of the token to the patches: a map per head of the last block, and the rollout over all layers.
   *
   * @example
   * ```ts
   * import { classifier } from "deit";
   *
   * await using classify = await classifier("runs/photos");
   * const { grid, heads, rollout } = await classify.attention("cat.jpg");
   * const most = rollout.indexOf(Math.max(...rollout));
   * console.log(`${heads.length} heads; looks at row ${Math.floor(most / grid)}, column ${most % grid}`);
   * ```
   */
  attention(image: ImageInput, token?: AttentionToken): Promise<AttentionMaps>;
  /** Frees the model, and the engine if it is no longer used. */
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
  { engine, ...choice }: ClassifierSettings = {},
): Promise<ImageClassifier> {
  const lease = await leaseEngine(engine);
  try {
    return callable(new Opened(await openClassifier(source, choice, lease.engine), lease));
  } catch (error) {
    await lease.release();
    throw error;
  }
}

function callable(opened: Opened): ImageClassifier {
  const { classes, notes, trainedOn } = opened.model;
  const close = () => opened.close();
  const call = (input: ImageInput | readonly ImageInput[], options: ClassifyOptions = {}) =>
    opened.each(input, (image) => opened.classify(image, options));
  const members = {
    ...{ classes, notes, trainedOn, close },
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
  readonly #probes = new Map<string, Promise<Probe>>();
  readonly #attentions = new Map<AttentionToken, Promise<Attention>>();
  readonly #closing = new Closing();
  #closed: Promise<void> | undefined;

  constructor(
    readonly model: OpenedClassifier,
    private readonly lease: EngineLease,
  ) {
    this.#closing.add(() => lease.release());
    this.#closing.add(() => model.dispose());
  }

  /** One image at a time: only one is in memory, and results do not depend on the other images. */
  async each<T>(input: ImageInput | readonly ImageInput[], work: (image: NamedImage) => Promise<T>): Promise<T | T[]> {
    if (this.#closed) throw new UsageError("The classifier is closed; open a new one.");
    const { exif } = this.model.view;
    if (!isList(input)) return work(await readImage(input, exif));
    const results: T[] = [];
    for (const [i, one] of input.entries()) results.push(await work(await readImage(one, exif, i)));
    return results;
  }

  async classify(image: NamedImage, { top = 5 }: ClassifyOptions): Promise<readonly Prediction[]> {
    if (!Number.isInteger(top) || top < 1) throw new UsageError(`top is ${top}; give a whole number, 1 or more.`);
    const { name, classes } = this.model;
    const logits = await this.model.logits(this.#view(image), 1);
    requireFiniteLogits(logits, name, image.name);
    return predictionsOf(logits, classes, top);
  }

  async embed(image: NamedImage, { from = "class" }: EmbedOptions): Promise<Float32Array> {
    if (from !== "class" && from !== "patches")
      throw new UsageError(`There is no embedding from "${String(from)}"; choose class or patches.`);
    const probe = await this.#probe(from);
    return (await probe.run(this.#view(image), 1)).get("embedding")!.data as Float32Array;
  }

  async attention(image: NamedImage, token: AttentionToken): Promise<AttentionMaps> {
    const { model, weights } = this.#inside("Attention maps");
    let attention = this.#attentions.get(token);
    if (!attention) {
      attention = Attention.create(this.lease.engine, model, weights, token);
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
      const { model, weights } = this.#inside("Embeddings");
      const patches = from === "patches" ? patchFeatures(model) : undefined;
      probe = Probe.create(
        this.lease.engine,
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

  #inside(what: string): NonNullable<OpenedClassifier["inside"]> {
    const { inside, name } = this.model;
    if (inside) return inside;
    throw new UsageError(
      `${what} look into a model, which "${name}" does not support; give weights of one of deit's models.`,
    );
  }

  #view = ({ image }: NamedImage): Uint8Array => applyTransform(image, evaluationTransform(this.model.view));
}

const isList = (input: ImageInput | readonly ImageInput[]): input is readonly ImageInput[] => Array.isArray(input);
