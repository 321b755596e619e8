/** Programs that differ only in their batch size: each is compiled for the first batch of its size. */

import type { DeviceState, Engine, Executable } from "../engines/engine.js";
import { imageLength, imagesShape } from "../models/image-batch.js";
import type { Model } from "../models/model.js";
import { type HostTensor, hostTensor, type Program } from "../tensor/index.js";

export class BatchPrograms {
  readonly #compiled = new Map<number, Promise<Executable>>();

  /** `build` creates the program for a batch size, with uint8 `images` `[batch, height, width, 3]` as its data. */
  constructor(
    private readonly engine: Engine,
    private readonly model: Model,
    private readonly build: (batch: number) => Program,
    /** The state of all runs, if it never changes. */
    private readonly frozen?: DeviceState,
  ) {}

  /** The program for batches of this size, ready to run. */
  compile(batch: number): Promise<Executable> {
    let compiled = this.#compiled.get(batch);
    if (!compiled) {
      compiled = this.engine.compile(this.build(batch), this.frozen && { frozen: this.frozen });
      this.#compiled.set(batch, compiled);
      compiled.catch(() => this.#compiled.delete(batch)); // nothing to dispose of, and memory may be free later
    }
    return compiled;
  }

  /** `images`: `batch · height · width · 3` bytes. */
  async run(state: DeviceState, images: Uint8Array, batch: number): Promise<Map<string, HostTensor>> {
    const shape = imagesShape(this.model, images.length / imageLength(this.model));
    const data = new Map([["images", hostTensor("uint8", shape, images)]]);
    return (await this.compile(batch)).run(state, data);
  }

  async dispose(): Promise<void> {
    for (const compiled of this.#compiled.values()) await (await compiled).dispose();
  }
}
