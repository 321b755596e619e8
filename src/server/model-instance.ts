/** An instance of a model on one engine, which runs one batch at a time. */

import type { Engine } from "../engines/engine.js";
import { EngineError } from "../errors/errors.js";
import type { OpenedClassifier } from "../evaluation/opened-classifier.js";
import type { ImageSize } from "../geometry/image-size.js";
import { type ClassifierSource, openClassifier } from "../library/opened-classifier.js";
import { imageLength } from "../models/image-batch.js";
import { bySize, type SeenImage } from "./seen-image.js";

/** Memory for the views of one batch at a time. */
export class BatchMemory {
  #shared: Uint8Array = new Uint8Array(0);

  /** The views one after the other; the next call uses the same memory. */
  join(views: readonly Uint8Array[]): Uint8Array {
    if (views.length === 1) return views[0];
    const bytes = views.length * views[0].length;
    if (this.#shared.length < bytes) this.#shared = new Uint8Array(new SharedArrayBuffer(bytes));
    for (const [i, view] of views.entries()) this.#shared.set(view, i * view.length);
    return this.#shared.subarray(0, bytes);
  }
}

export class ModelInstance {
  readonly #memory = new BatchMemory();

  constructor(readonly opened: OpenedClassifier) {}

  /** The logits of each image. */
  seen(images: readonly SeenImage[]): Promise<readonly Float32Array[]> {
    return bySize(images, (views, size) => this.logits(views, size));
  }

  /** The logits of each view; all have this size (default: the model's). */
  async logits(views: readonly Uint8Array[], size?: ImageSize): Promise<readonly Float32Array[]> {
    const logits = await this.opened.logits(this.#memory.join(views), views.length, size);
    const classes = logits.length / views.length;
    return views.map((_, i) => logits.subarray(i * classes, (i + 1) * classes));
  }

  /** Compiles it for batches of every number of images, of the first of several sizes; others are compiled when they come. */
  async warmUp(mostInputs: number): Promise<void> {
    const { imageSize, channels, nativeSizes = [imageSize] } = this.opened.view;
    const [size] = nativeSizes;
    const view = new Uint8Array(imageLength({ imageSize: size, channels }));
    for (let count = 1; count <= mostInputs; count *= 2)
      await this.logits(
        Array.from({ length: count }, () => view),
        size,
      );
  }

  /**
   * Whether images answer in a batch as they do alone. That of our own models is certain; the graph of a file may run
   * only one image in spite of what it says, or make answers depend on the others, as activations quantised together do.
   */
  async runsInBatches(): Promise<boolean> {
    if (this.opened.inside || this.opened.fixedBatch !== undefined) return true;
    // As different as images can be: what an answer takes from another image then shows.
    const dark = new Uint8Array(imageLength(this.opened.view)).map((_, i) => (7 * i) % 32);
    const views = [dark, dark.map((value, i) => (i % 3 === 0 ? 255 : 200 - 3 * value))];
    const alone = [await this.logits([views[0]]), await this.logits([views[1]])].flat();
    const together = await this.logits(views).catch((error) => {
      if (error instanceof EngineError) return undefined;
      throw error;
    });
    const scale = Math.max(...alone.flatMap((logits) => Array.from(logits, Math.abs)));
    const close = (x: number, y: number) => Math.abs(x - y) <= rounding * scale;
    return together?.every((logits, i) => logits.every((x, k) => close(x, alone[i][k]))) ?? false;
  }
}

/** Relative to the largest logit; engines add up in another order for a batch of another size. */
const rounding = 1e-4;

/** At least one, all with the same weights. */
export type ModelInstances = readonly [ModelInstance, ...ModelInstance[]];

/** A model on each engine; its weights are read once, and each engine has a copy of them. */
export async function openModelInstances(
  source: ClassifierSource,
  [engine, ...others]: readonly Engine[],
): Promise<ModelInstances> {
  const first = await openClassifier(source, {}, engine);
  const instances: [ModelInstance, ...ModelInstance[]] = [new ModelInstance(first)];
  const { inside, view, classes } = first;
  const again: ClassifierSource = inside ? { model: inside.model, weights: inside.weights, view, classes } : source;
  try {
    for (const other of others) instances.push(new ModelInstance(await openClassifier(again, {}, other)));
    return instances;
  } catch (error) {
    await disposeInstances(instances);
    throw error;
  }
}

export async function disposeInstances(instances: ModelInstances): Promise<void> {
  for (const { opened } of instances) await opened.dispose();
}
