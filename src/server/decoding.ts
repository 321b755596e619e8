/** Decodes images in worker threads, so that the server answers others meanwhile. */
import { type EvaluationView, evaluationTransform } from "../evaluation/view.js";
import { WorkerDied, WorkerPool } from "../system/threads/worker-pool.js";
import { workerUrl } from "../system/threads/worker-url.js";
import type { Decoded, DecodingJob } from "./decoding-worker.js";
import { Problem } from "./problem.js";

/** An image in a request. */
export interface SentImage {
  /** The image file. */
  readonly bytes: Uint8Array;
  /** Its name in messages. */
  readonly name: string;
}

export class Decoding {
  readonly #pool: WorkerPool<DecodingJob, Decoded>;

  constructor(
    workers: number,
    private readonly maxPixels: number,
  ) {
    this.#pool = new WorkerPool(workerUrl("server/decoding-worker"), workers, ({ name }) => name);
  }

  /**
   * Writes the model's view of an image file, `size · size · 3` bytes, to `target`, which is shared memory, and returns
   * it. Throws Problem if the image cannot be decoded.
   */
  async decode({ bytes, name }: SentImage, view: EvaluationView, target: Uint8Array): Promise<Uint8Array> {
    const transform = evaluationTransform(view);
    const options = { transform, jpeg: "exact", exif: view.exif, maxPixels: this.maxPixels } as const;
    const { refused } = await this.#pool.run({ bytes, name, options, target }).catch((error) => {
      if (error instanceof WorkerDied) throw new Problem(422, `"${name}" cannot be decoded; send another image.`);
      throw error;
    });
    if (refused !== undefined) throw new Problem(422, refused);
    return target;
  }

  close(): void {
    this.#pool.close();
  }
}
