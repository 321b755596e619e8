/** A classifier that is called as a function: pictures in any form that its reader understands in, answers out. */
import type { RgbImage } from "../data/pixels/image.js";
import { evaluationView } from "../data/view/evaluation.js";
import { made } from "../data/view/plan.js";
import { viewSize } from "../data/view/view-size.js";
import { UsageError } from "../errors/errors.js";
import { checkOptions, oneOf, shown, strings, wholeFrom } from "../errors/options.js";
import type { ImageSize } from "../geometry/image-size.js";
import { requireFiniteLogits } from "../models/finite.js";
import { Closing } from "../system/closing.js";
import { mean } from "../tensor/index.js";
import { Attention, type AttentionMaps, type AttentionToken } from "./attention.js";
import { embedding, patchFeatures } from "./features.js";
import type { InsideModel, OpenedClassifier } from "./opened-classifier.js";
import { type ClassifyOptions, type EmbedOptions, type Prediction, predictionsOf } from "./predictions.js";
import type { Probe } from "./probe.js";
import type { SharedEngine } from "./shared-engine.js";
import { logitsOfCrops, type TestTime, withCrops } from "./test-time.js";
import { type EvaluationView, evaluationTransform } from "./view.js";

/** An image to classify, and its name for messages. */
export interface NamedImage {
  readonly name: string;
  readonly image: RgbImage;
}

/** What a view needs of an image: how it is turned, and whether it has alpha. */
export type ReadFor = Pick<EvaluationView, "exif" | "channels">;

/** How an image is decoded for a view. */
export const decodedFor = ({ exif, channels }: ReadFor) => ({ jpeg: "exact", exif, alpha: channels === 4 }) as const;

/** Reads and decodes an image for a view; `place` names one that has no name. */
export type ImageReader<Input> = (input: Input, view: ReadFor, place?: string) => Promise<NamedImage>;

/** One image, or several. */
type Images<Input> = Input | readonly Input[];

/** One result, or one for each image in order. */
type Results<T> = Promise<T | readonly T[]>;

/** The members of a classifier that is a function, without the overloads that its faces declare. */
export interface CalledClassifier<Input> {
  (input: Images<Input>, options?: ClassifyOptions): Results<readonly Prediction[]>;
  readonly classes?: readonly string[];
  readonly notes: readonly string[];
  logits(input: Images<Input>): Results<Float32Array>;
  embed(input: Images<Input>, options?: EmbedOptions): Results<Float32Array>;
  attention(input: Images<Input>, token?: AttentionToken): Results<AttentionMaps>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a called classifier is made of. */
export interface CalledParts<Input> {
  readonly opened: OpenedClassifier;
  readonly engine: SharedEngine;
  readonly read: ImageReader<Input>;
}

const parts = Symbol("the parts of a classifier");

/** The parts of a classifier that is open. */
export interface OpenParts<Input> extends CalledParts<Input> {
  /** Does work with the parts, which closing waits for. Throws UsageError once it is closed. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

/** The parts of a classifier that was opened by `classifier`; UsageError, naming `what` is wanted of it, for anything else. */
export function partsOf<Input>(classifier: object, what: string): OpenParts<Input> {
  const found = (classifier as { readonly [parts]?: OpenParts<Input> } | undefined)?.[parts];
  if (found) return found;
  throw new UsageError(`${what} needs a classifier that classifier() opened; it was given ${shown(classifier)}.`);
}

/** The parts as a function of images. It gives the engine back when it is closed. */
export function calledClassifier<Input>(made: CalledParts<Input>): CalledClassifier<Input> {
  const calls = new Calls(made);
  const { classes, notes } = made.opened;
  const close = () => calls.close();
  const call = async (input: Images<Input>, options: ClassifyOptions = {}) => {
    checkOptions("classify", options, { top: wholeFrom(1), tta: strings });
    return calls.each(input, (image) => calls.classify(image, options));
  };
  return Object.assign(call, {
    ...{ classes, notes, close },
    logits: (input: Images<Input>) => calls.each(input, (image) => calls.logits(image)),
    embed: async (input: Images<Input>, options: EmbedOptions = {}) => {
      checkOptions("embed", options, { from: oneOf("class", "patches") });
      return calls.each(input, (image) => calls.embed(image, options));
    },
    attention: async (input: Images<Input>, token: AttentionToken = "class") => {
      if (token !== "class" && token !== "distillation")
        throw new UsageError(`There is no attention of ${shown(token)}; choose class or distillation.`);
      return calls.each(input, (image) => calls.attention(image, token));
    },
    [Symbol.asyncDispose]: close,
    [parts]: { ...made, during: <T>(work: () => Promise<T>) => calls.during(work) },
  });
}

/** The model behind the function, and what it opens when it is first asked for. */
class Calls<Input> {
  readonly #probes = new Map<string, Probe>();
  readonly #attentions = new Map<AttentionToken, Attention>();
  readonly #closing = new Closing();
  readonly #running = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(private readonly parts: CalledParts<Input>) {
    const { engine, opened } = parts;
    this.#closing.add(engine.hold());
    this.#closing.add(() => opened.dispose());
  }

  /** Throws UsageError once it is closed, which waits for work that has begun. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new UsageError("The classifier is closed; open a new one.");
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  each<T>(input: Images<Input>, work: (image: NamedImage) => Promise<T>): Promise<T | readonly T[]> {
    return this.during(() => this.#each(input, work));
  }

  /** One image at a time: only one is in memory, and results do not depend on the other images. */
  async #each<T>(input: Images<Input>, work: (image: NamedImage) => Promise<T>): Promise<T | readonly T[]> {
    const { opened, read } = this.parts;
    if (!isList(input)) return work(await read(input, opened.view));
    const results: T[] = [];
    for (const [i, one] of input.entries()) results.push(await work(await read(one, opened.view, `image ${i}`)));
    return results;
  }

  async logits({ image, name }: NamedImage, tta: TestTime = []): Promise<Float32Array> {
    const { opened } = this.parts;
    const logits = await logitsOfCrops(image, withCrops(opened.view, tta), (view, size) =>
      opened.logits(view, 1, size),
    );
    requireFiniteLogits(logits, opened.name, name);
    return logits;
  }

  async classify(image: NamedImage, { top = 5, tta }: ClassifyOptions): Promise<readonly Prediction[]> {
    const { classes, severalLabels } = this.parts.opened;
    return predictionsOf(await this.logits(image, tta), classes, top, severalLabels);
  }

  async embed(image: NamedImage, { from = "class" }: EmbedOptions): Promise<Float32Array> {
    return (await this.#probe(from).run(...this.#view(image))).get("embedding")!.data as Float32Array;
  }

  async attention(image: NamedImage, token: AttentionToken): Promise<AttentionMaps> {
    const inside = this.#inside("Attention maps");
    let attention = this.#attentions.get(token);
    if (!attention) {
      attention = this.#keep(Attention.over(inside.model, inside.probe, token));
      this.#attentions.set(token, attention);
    }
    return (await attention.maps(...this.#view(image)))[0];
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#running).then(() => this.#closing.close());
    return this.#closed;
  }

  #probe(from: "class" | "patches"): Probe {
    let probe = this.#probes.get(from);
    if (!probe) {
      const inside = this.#inside("Embeddings");
      const patches = from === "patches" ? patchFeatures(inside.model) : undefined;
      const derive = patches
        ? (seen: Parameters<typeof patches>[0]) => ({ embedding: mean(patches(seen).patches, [1, 2]) })
        : embedding(inside.model);
      probe = this.#keep(inside.probe(derive));
      this.#probes.set(from, probe);
    }
    return probe;
  }

  #keep<T extends { dispose(): Promise<void> }>(made: T): T {
    this.#closing.add(() => made.dispose());
    return made;
  }

  #inside(what: string): InsideModel {
    const { inside, name } = this.parts.opened;
    if (inside) return inside;
    throw new UsageError(
      `${what} look into a model, which "${name}" does not support; give weights of one of deit's models.`,
    );
  }

  /** The view as a batch of one, and its size. */
  #view({ image }: NamedImage): readonly [images: Uint8Array, batch: number, size: ImageSize] {
    const transform = evaluationTransform(this.parts.opened.view);
    return [made(evaluationView(image, transform), image), 1, viewSize(image, transform)];
  }
}

const isList = <Input>(input: Images<Input>): input is readonly Input[] => Array.isArray(input);
