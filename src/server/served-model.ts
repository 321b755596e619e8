/** A model that is served: requests in, batches on the engines, answers out. */
import type { Engine } from "../engines/engine.js";
import { UsageError } from "../errors/errors.js";
import { predictionsOf } from "../evaluation/predictions.js";
import type { EvaluationView } from "../evaluation/view.js";
import type { ClassifierSource } from "../library/opened-classifier.js";
import { requireFiniteLogits } from "../models/finite.js";
import { Batcher, type BatchLimits } from "./batching.js";
import type { Decoding, SentImage } from "./decoding.js";
import { type Insight, Inspection } from "./inspection.js";
import { BatchMemory, disposeInstances, type ModelInstances, openModelInstances } from "./model-instance.js";
import { Problem } from "./problem.js";
import type { Classified, ClassifyRequest } from "./schemas.js";
import { bySize, type SeenImage } from "./seen-image.js";
import type { SharedMemory } from "./shared-memory.js";

/** What all models of a server share. */
export interface Surroundings {
  /** Each runs an instance of the model. */
  readonly engines: readonly Engine[];
  readonly decoding: Decoding;
  /** Where decoded images are kept. */
  readonly memory: SharedMemory;
  readonly limits: Omit<BatchLimits, "instances">;
  /** Called for each batch that has run. */
  readonly onBatch: (model: string, images: number, seconds: number) => void;
}

export class ServedModel {
  readonly #logits: Batcher<SeenImage, Float32Array>;
  readonly #insights: Batcher<SeenImage, Insight>;
  readonly #insightMemory = new BatchMemory();
  #inspection: Promise<Inspection> | undefined;

  private constructor(
    readonly name: string,
    private readonly instances: ModelInstances,
    private readonly surroundings: Surroundings,
    mostInputs: number,
    /** Notes on how the weights were interpreted, and on batches. */
    readonly notes: readonly string[],
  ) {
    const { limits } = surroundings;
    this.#logits = new Batcher((views, i) => this.#timed(views, () => instances[i].seen(views)), {
      ...limits,
      ...{ mostInputs, instances: instances.length },
    });
    this.#insights = new Batcher((views) => this.#timed(views, () => this.#runInsights(views)), {
      ...limits,
      instances: 1,
    });
  }

  /** Opens a model on each engine and compiles it for batches of every size. */
  static async open(name: string, source: ClassifierSource, surroundings: Surroundings): Promise<ServedModel> {
    const { engines, limits } = surroundings;
    const instances = await openModelInstances(source, engines);
    try {
      const { opened } = instances[0];
      const inBatches = await instances[0].runsInBatches();
      const most = inBatches ? Math.min(limits.mostInputs, opened.fixedBatch ?? limits.mostInputs) : 1;
      await Promise.all(instances.map((one) => one.warmUp(most)));
      const single = `Images for "${name}" run one at a time: in a batch, its graph fails or answers differently.`;
      return new ServedModel(name, instances, surroundings, most, [...opened.notes, ...(inBatches ? [] : [single])]);
    } catch (error) {
      await disposeInstances(instances);
      throw error;
    }
  }

  /** Names of the classes in the order of the outputs, if known. */
  get classes(): readonly string[] | undefined {
    return this.instances[0].opened.classes;
  }

  /** How images are preprocessed. */
  get view(): EvaluationView {
    return this.instances[0].opened.view;
  }

  /** The model with its weights; undefined for an ONNX file. */
  get inside(): ModelInstances[0]["opened"]["inside"] {
    return this.instances[0].opened.inside;
  }

  /** Throws Problem for an image that cannot be decoded, or if the model does not have what is asked for. */
  async classify(image: SentImage, wanted: ClassifyRequest, signal?: AbortSignal): Promise<Omit<Classified, "model">> {
    const looksInside = wanted.attention || wanted.embedding !== undefined;
    if (looksInside) await this.#requireInside();
    const seen = looksInside
      ? await this.#seen(image, this.#insights, signal)
      : await this.#seen(image, this.#logits, signal);
    const logits = seen instanceof Float32Array ? seen : seen.logits;
    requireFiniteLogits(logits, this.name, image.name);
    const predictions = predictionsOf(logits, this.classes, wanted.top, this.instances[0].opened.severalLabels);
    if (seen instanceof Float32Array) return { predictions };
    return {
      predictions,
      attention: wanted.attention ? seen.attention : undefined,
      embedding: wanted.embedding && seen.embedding[wanted.embedding],
    };
  }

  async dispose(): Promise<void> {
    await (await this.#inspection?.catch(() => undefined))?.dispose();
    await disposeInstances(this.instances);
  }

  async #seen<T>(image: SentImage, batcher: Batcher<SeenImage, T>, signal?: AbortSignal): Promise<T> {
    const { decoding, memory } = this.surroundings;
    const view = decoding.view(image, this.view);
    try {
      return await batcher.add(view, signal);
    } finally {
      view.then(
        ({ pixels }) => memory.give(pixels),
        () => undefined,
      );
    }
  }

  /** Compiled by the first request for it. */
  async #requireInside(): Promise<Inspection> {
    const { inside } = this.instances[0].opened;
    if (!inside) throw new Problem(422, `The model "${this.name}" is an ONNX file, which shows only its classes.`);
    this.#inspection ??= (async () => new Inspection(inside))();
    return this.#inspection.catch((error) => {
      throw error instanceof UsageError ? new Problem(422, error.message) : error;
    });
  }

  async #timed<T>(views: readonly SeenImage[], run: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const outputs = await run();
    this.surroundings.onBatch(this.name, views.length, (performance.now() - start) / 1000);
    return outputs;
  }

  async #runInsights(images: readonly SeenImage[]): Promise<readonly Insight[]> {
    const inspection = await this.#requireInside();
    return bySize(images, (views, size) => inspection.run(this.#insightMemory.join(views), views.length, size));
  }
}
