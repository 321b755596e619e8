/** Decodes images in worker threads, so that the server answers others meanwhile. */

import { type EvaluationView, evaluationTransform } from "../evaluation/view.js";
import { imageLength } from "../models/image-batch.js";
import { JobTooLong, WorkerDied, WorkerPool } from "../system/threads/worker-pool.js";
import { workerUrl } from "../system/threads/worker-url.js";
import type { Decoded, DecodingJob } from "./decoding-worker.js";
import { Problem } from "./problem.js";
import type { SeenImage } from "./seen-image.js";
import type { SharedMemory } from "./shared-memory.js";

/** An image in a request. */
export interface SentImage {
  /** The image file. */
  readonly bytes: Uint8Array;
  /** Its name in messages. */
  readonly name: string;
}

export interface DecodingOptions {
  readonly workers: number;
  /** Pixels of an image at most. */
  readonly maxPixels: number;
  /** Milliseconds that decoding may take. */
  readonly timeLimit: number;
  /** Where decoded images are kept. */
  readonly memory: SharedMemory;
}

export class Decoding {
  readonly #pool: WorkerPool<DecodingJob, Decoded>;

  constructor(private readonly options: DecodingOptions) {
    const { workers, timeLimit } = options;
    const url = workerUrl("server/decoding-worker");
    this.#pool = new WorkerPool(url, workers, ({ name }) => name, { timeLimit });
  }

  /**
   * The model's view of an image file, whose pixels are in the shared memory, to which the caller gives them back. Throws Problem if the image cannot be decoded.
   */
  async view({ bytes, name }: SentImage, view: EvaluationView): Promise<SeenImage> {
    const { maxPixels, memory, timeLimit } = this.options;
    const transform = evaluationTransform(view);
    const options = { transform, jpeg: "exact", exif: view.exif, maxPixels } as const;
    const target = memory.take(imageLength(view));
    const decoded = await this.#pool.run({ bytes, name, options, target }).catch((error) => {
      // What the thread was writing to is not used again.
      if (error instanceof JobTooLong)
        throw new Problem(422, `"${name}" takes more than ${timeLimit / 1000} s to decode; send a smaller image.`);
      memory.give(target);
      if (error instanceof WorkerDied) throw new Problem(422, `"${name}" cannot be decoded; send another image.`);
      throw error;
    });
    if ("size" in decoded) {
      const { size } = decoded;
      return { size, pixels: target.subarray(0, imageLength({ imageSize: size, channels: view.channels })) };
    }
    memory.give(target);
    throw new Problem(422, decoded.refused);
  }

  close(): void {
    this.#pool.close();
  }
}
