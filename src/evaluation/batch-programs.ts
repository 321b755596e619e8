/** Programs that differ only in the numbers and sizes of their images: each is compiled for the first batch of its kind. */

import type { DeviceState, Engine, Executable } from "../engines/engine.js";
import { type ImageSize, sizeInWords } from "../geometry/image-size.js";
import { imageLength, imagesShape } from "../models/image-batch.js";
import type { Model } from "../models/model.js";
import { modelAt } from "../models/model-at.js";
import { type HostTensor, hostTensor, type Program } from "../tensor/index.js";

export class BatchPrograms {
  readonly #compiled = new Map<string, Promise<Executable>>();

  /** `build` creates the program of a model for a batch size, with uint8 `images` `[batch, height, width, 3]` as its data. */
  constructor(
    private readonly engine: Engine,
    private readonly model: Model,
    private readonly build: (model: Model, batch: number) => Program,
    /** The state of all runs, if it never changes. */
    private readonly frozen?: DeviceState,
  ) {}

  /** The program for batches of this size, of images of the model's size or another, ready to run. */
  compile(batch: number, size?: ImageSize): Promise<Executable> {
    const model = modelAt(this.model, size);
    const key = `${batch} ${sizeInWords(model.imageSize)}`;
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      compiled = this.engine.compile(this.build(model, batch), this.frozen && { frozen: this.frozen });
      this.#compiled.set(key, compiled);
      compiled.catch(() => this.#compiled.delete(key)); // nothing to dispose of, and memory may be free later
    }
    return compiled;
  }

  /** `images`: `batch · height · width · channels` bytes, of the model's size or another. */
  async run(state: DeviceState, images: Uint8Array, batch: number, size?: ImageSize): Promise<Map<string, HostTensor>> {
    const model = modelAt(this.model, size);
    const shape = imagesShape(model, images.length / imageLength(model));
    const data = new Map([["images", hostTensor("uint8", shape, images)]]);
    return (await this.compile(batch, size)).run(state, data);
  }

  async dispose(): Promise<void> {
    for (const compiled of this.#compiled.values()) await (await compiled).dispose();
  }
}
