/** A model that is served: requests in, batches on the engine, answers out. */
import type { Engine } from "../engines/engine.js";
import type { EvaluationView } from "../evaluation/view.js";
import { type ClassifierSource, type OpenedClassifier, openClassifier } from "../library/opened-classifier.js";
import { type Prediction, predictionsOf } from "../library/predictions.js";
import { requireFiniteLogits } from "../models/finite.js";
import { Batcher, type BatchLimits } from "./batching.js";
import type { Decoding } from "./decoding.js";

/** An image in a request. */
export interface SentImage {
  /** The image file. */
  readonly bytes: Uint8Array;
  /** Its name in messages. */
  readonly name: string;
}

/** What all models of a server share. */
export interface Surroundings {
  readonly engine: Engine;
  readonly decoding: Decoding;
  readonly limits: BatchLimits;
  /** Called for each batch that has run. */
  readonly onBatch: (model: string, images: number, seconds: number) => void;
}

export class ServedModel {
  readonly #batcher: Batcher<Uint8Array, Float32Array>;

  private constructor(
    readonly name: string,
    private readonly opened: OpenedClassifier,
    private readonly surroundings: Surroundings,
  ) {
    const { limits } = surroundings;
    const mostInputs = Math.min(limits.mostInputs, opened.mostImages ?? Number.POSITIVE_INFINITY);
    this.#batcher = new Batcher((views) => this.#run(views), { ...limits, mostInputs });
  }

  static async open(name: string, source: ClassifierSource, surroundings: Surroundings): Promise<ServedModel> {
    const opened = await openClassifier(source, {}, surroundings.engine);
    return new ServedModel(name, opened, surroundings);
  }

  /** Names of the classes in the order of the outputs, if known. */
  get classes(): readonly string[] | undefined {
    return this.opened.classes;
  }

  /** How images are preprocessed. */
  get view(): EvaluationView {
    return this.opened.view;
  }

  /** Notes on how the weights were interpreted. */
  get notes(): readonly string[] {
    return this.opened.notes;
  }

  /** Runs a batch of every size once, since the first run of each compiles a program. */
  async warmUp(): Promise<void> {
    const { mostInputs } = this.#batcher.limits;
    const view = new Uint8Array(this.view.imageSize ** 2 * 3);
    for (let size = 1; size <= mostInputs; size *= 2)
      await this.#run(
        Array.from({ length: size }, () => view),
        "quietly",
      );
  }

  /** The `top` most likely classes. Throws Problem for an image that cannot be decoded. */
  async classify(image: SentImage, top: number, signal?: AbortSignal): Promise<readonly Prediction[]> {
    const { decoding } = this.surroundings;
    const logits = await this.#batcher.add(decoding.view(image.bytes, image.name, this.view), signal);
    requireFiniteLogits(logits, this.name, image.name);
    return predictionsOf(logits, this.classes, top);
  }

  dispose(): Promise<void> {
    return this.opened.dispose();
  }

  async #run(views: readonly Uint8Array[], quietly?: "quietly"): Promise<readonly Float32Array[]> {
    const start = performance.now();
    const logits = await this.opened.logits(views.length === 1 ? views[0] : joined(views), views.length);
    if (!quietly) this.surroundings.onBatch(this.name, views.length, (performance.now() - start) / 1000);
    const classes = logits.length / views.length;
    return views.map((_, i) => logits.subarray(i * classes, (i + 1) * classes));
  }
}

function joined(views: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(views.length * views[0].length);
  for (const [i, view] of views.entries()) all.set(view, i * view.length);
  return all;
}
