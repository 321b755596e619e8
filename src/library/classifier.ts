/** `classifier`: images in, labels out. */
import type { TrainedOn } from "../data/dataset/trained-on.js";
import { applyTransform } from "../data/view/transform.js";
import { UsageError } from "../errors/errors.js";
import { Attention, type AttentionMaps, type AttentionToken } from "../evaluation/attention.js";
import { embedding, patchFeatures } from "../evaluation/features.js";
import { type ClassifyOptions, type EmbedOptions, type Prediction, predictionsOf } from "../evaluation/predictions.js";
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
import { aFunction, checkOptions, type OptionChecks, oneOf, shown, strings, wholeFrom } from "./options.js";

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
   * console.log(`${heads.length} heads; looks at row ${Math.floor(most / grid)}, column ${most % grid}`);
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
    return callable(new Opened(await openClassifier(source, choice, lease.engine), lease));
  } catch (error) {
    await lease.release();
    throw error;
  }
}

const classifierOptions: OptionChecks<ClassifierSettings> = {
  ...{ engine: undefined, imageSize: wholeFrom(1), cropRatio: undefined, interpolation: undefined },
  ...{ normalization: undefined, exif: undefined, classes: strings, output: undefined },
  ...{ answers: oneOf("logits", "probabilities", "sigmoids"), onProgress: aFunction },
};

type Images = ImageInput | readonly ImageInput[];

function callable(opened: Opened): ImageClassifier {
  const { classes, notes, trainedOn } = opened.model;
  const close = () => opened.close();
  const call = async (input: Images, options: ClassifyOptions = {}) => {
    checkOptions("classify", options, { top: wholeFrom(1) });
    return opened.each(input, (image) => opened.classify(image, options));
  };
  const members = {
    ...{ classes, notes, trainedOn, close },
    embed: async (input: Images, options: EmbedOptions = {}) => {
      checkOptions("embed", options, { from: oneOf("class", "patches") });
      return opened.each(input, (image) => opened.embed(image, options));
    },
    attention: async (input: Images, token: AttentionToken = "class") => {
      if (token !== "class" && token !== "distillation")
        throw new UsageError(`There is no attention of ${shown(token)}; choose class or distillation.`);
      return opened.each(input, (image) => opened.attention(image, token));
    },
    [Symbol.asyncDispose]: close,
  };
  return Object.assign(call, members) as ImageClassifier;
}

/** The model behind the function, and the resources it has opened. */
class Opened {
  readonly #probes = new Map<string, Promise<Probe>>();
  readonly #attentions = new Map<AttentionToken, Promise<Attention>>();
  readonly #closing = new Closing();
  readonly #running = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(
    readonly model: OpenedClassifier,
    private readonly lease: EngineLease,
  ) {
    this.#closing.add(() => lease.release());
    this.#closing.add(() => model.dispose());
  }

  /** Throws UsageError once it is closed, which waits for work that has begun. */
  async each<T>(input: Images, work: (image: NamedImage) => Promise<T>): Promise<T | T[]> {
    if (this.#closed) throw new UsageError("The classifier is closed; open a new one.");
    const running = this.#each(input, work);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** One image at a time: only one is in memory, and results do not depend on the other images. */
  async #each<T>(input: Images, work: (image: NamedImage) => Promise<T>): Promise<T | T[]> {
    const { exif } = this.model.view;
    if (!isList(input)) return work(await readImage(input, exif));
    const results: T[] = [];
    for (const [i, one] of input.entries()) results.push(await work(await readImage(one, exif, i)));
    return results;
  }

  async classify(image: NamedImage, { top = 5 }: ClassifyOptions): Promise<readonly Prediction[]> {
    const { name, classes } = this.model;
    const logits = await this.model.logits(this.#view(image), 1);
    requireFiniteLogits(logits, name, image.name);
    return predictionsOf(logits, classes, top);
  }

  async embed(image: NamedImage, { from = "class" }: EmbedOptions): Promise<Float32Array> {
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
    this.#closed ??= Promise.allSettled(this.#running).then(() => this.#closing.close());
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

const isList = (input: Images): input is readonly ImageInput[] => Array.isArray(input);
