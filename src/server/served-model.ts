/** A model that is served: requests in, batches on the engine, answers out. */
import type { Engine } from "../engines/engine.js";
import { UsageError } from "../errors/errors.js";
import type { OpenedClassifier } from "../evaluation/opened-classifier.js";
import { predictionsOf } from "../evaluation/predictions.js";
import type { EvaluationView } from "../evaluation/view.js";
import { type ClassifierSource, openClassifier } from "../library/opened-classifier.js";
import { requireFiniteLogits } from "../models/finite.js";
import { Batcher, type BatchLimits } from "./batching.js";
import type { Decoding } from "./decoding.js";
import { type Insight, Inspection } from "./inspection.js";
import { Problem } from "./problem.js";
import type { Classified, ClassifyRequest } from "./schemas.js";

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
  readonly #logits: Batcher<Uint8Array, Float32Array>;
  readonly #insights: Batcher<Uint8Array, Insight>;
  #inspection: Promise<Inspection> | undefined;

  private constructor(
    readonly name: string,
    private readonly opened: OpenedClassifier,
    private readonly surroundings: Surroundings,
  ) {
    const { limits } = surroundings;
    const mostInputs = Math.min(limits.mostInputs, opened.mostImages ?? limits.mostInputs);
    this.#logits = new Batcher((views) => this.#timed(views, this.#runLogits), { ...limits, mostInputs });
    this.#insights = new Batcher((views) => this.#timed(views, this.#runInsights), limits);
  }

  /** Opens a model and compiles it for batches of every size. */
  static async open(name: string, source: ClassifierSource, surroundings: Surroundings): Promise<ServedModel> {
    const opened = await openClassifier(source, {}, surroundings.engine);
    const model = new ServedModel(name, opened, surroundings);
    try {
      await model.#warmUp();
      return model;
    } catch (error) {
      await opened.dispose();
      throw error;
    }
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

  /** Throws Problem for an image that cannot be decoded, or if the model does not have what is asked for. */
  async classify(image: SentImage, wanted: ClassifyRequest, signal?: AbortSignal): Promise<Omit<Classified, "model">> {
    const looksInside = wanted.attention || wanted.embedding !== undefined;
    if (looksInside) await this.#requireInside();
    const view = this.surroundings.decoding.view(image.bytes, image.name, this.view);
    const seen = looksInside ? await this.#insights.add(view, signal) : await this.#logits.add(view, signal);
    const logits = seen instanceof Float32Array ? seen : seen.logits;
    requireFiniteLogits(logits, this.name, image.name);
    const predictions = predictionsOf(logits, this.classes, wanted.top);
    if (seen instanceof Float32Array) return { predictions };
    return {
      predictions,
      attention: wanted.attention ? seen.attention : undefined,
      embedding: wanted.embedding && seen.embedding[wanted.embedding],
    };
  }

  async dispose(): Promise<void> {
    await (await this.#inspection?.catch(() => undefined))?.dispose();
    await this.opened.dispose();
  }

  async #warmUp(): Promise<void> {
    const { mostInputs } = this.#logits.limits;
    const view = new Uint8Array(this.view.imageSize ** 2 * 3);
    for (let size = 1; size <= mostInputs; size *= 2) await this.#runLogits(Array.from({ length: size }, () => view));
  }

  /** Compiled by the first request for it. */
  async #requireInside(): Promise<Inspection> {
    const { inside } = this.opened;
    if (!inside) throw new Problem(422, `The model "${this.name}" is an ONNX file, which shows only its classes.`);
    this.#inspection ??= (async () => new Inspection(inside))();
    return this.#inspection.catch((error) => {
      throw error instanceof UsageError ? new Problem(422, error.message) : error;
    });
  }

  async #timed<T>(views: readonly Uint8Array[], run: (views: readonly Uint8Array[]) => Promise<T>): Promise<T> {
    const start = performance.now();
    const outputs = await run(views);
    this.surroundings.onBatch(this.name, views.length, (performance.now() - start) / 1000);
    return outputs;
  }

  #runLogits = async (views: readonly Uint8Array[]): Promise<readonly Float32Array[]> => {
    const logits = await this.opened.logits(joined(views), views.length);
    const classes = logits.length / views.length;
    return views.map((_, i) => logits.subarray(i * classes, (i + 1) * classes));
  };

  #runInsights = async (views: readonly Uint8Array[]): Promise<readonly Insight[]> =>
    (await this.#requireInside()).run(joined(views), views.length);
}

function joined(views: readonly Uint8Array[]): Uint8Array {
  if (views.length === 1) return views[0];
  const all = new Uint8Array(views.length * views[0].length);
  for (const [i, view] of views.entries()) all.set(view, i * view.length);
  return all;
}
