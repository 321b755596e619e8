/** One pass over a dataset with a probe. */
import type { Batch, Loader } from "../data/loading/loader.js";
import { InterruptedError } from "../errors/errors.js";
import type { ImageSize } from "../geometry/image-size.js";
import type { HostTensor } from "../tensor/index.js";

export interface BatchValues {
  readonly batch: Batch;
  /** The probe's values by name, for all slots of the batch; those from `batch.count` are meaningless. */
  readonly values: ReadonlyMap<string, HostTensor>;
}

export interface PassOptions {
  /** A sequential loader with the evaluation transform. */
  readonly loader: Loader;
  readonly signal?: AbortSignal;
  readonly onProgress?: (images: number) => void;
}

/** Computes values of uint8 images `[batch, height, width, 3]`, such as a probe; they may have another size than its model's. */
export interface Looker {
  run(images: Uint8Array, batch: number, size?: ImageSize): Promise<ReadonlyMap<string, HostTensor>>;
}

/** The probe's values for every batch; throws InterruptedError if the signal is aborted. */
export async function* passOver(probe: Looker, options: PassOptions): AsyncGenerator<BatchValues, void> {
  for await (const { batch, values } of passOverAll([probe], options)) yield { batch, values: values[0] };
}

/** The same with several for images of one size, so that each image is read once. */
export async function* passOverAll(
  lookers: readonly Looker[],
  { loader, signal, onProgress }: PassOptions,
): AsyncGenerator<{ readonly batch: Batch; readonly values: readonly ReadonlyMap<string, HostTensor>[] }, void> {
  let images = 0;
  for await (const batch of loader.epoch(0)) {
    const values: ReadonlyMap<string, HostTensor>[] = [];
    for (const looker of lookers) {
      if (signal?.aborted) throw new InterruptedError("The evaluation was interrupted.");
      values.push(await looker.run(batch.images, loader.batchSize, batch.size));
    }
    yield { batch, values };
    images += batch.count;
    onProgress?.(images);
  }
}
