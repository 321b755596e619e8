/** Decodes images in worker threads, so that the server answers others meanwhile. */
import { type EvaluationView, evaluationTransform } from "../evaluation/view.js";
import { WorkerDied, WorkerPool } from "../system/threads/worker-pool.js";
import { workerUrl } from "../system/threads/worker-url.js";
import type { Decoded, DecodingJob } from "./decoding-worker.js";
import { Problem } from "./problem.js";

export class Decoding {
  readonly #pool: WorkerPool<DecodingJob, Decoded>;

  constructor(
    workers: number,
    private readonly maxPixels: number,
  ) {
    this.#pool = new WorkerPool(workerUrl("server/decoding-worker"), workers, ({ name }) => name);
  }

  /** The model's view of an image file, `size · size · 3` bytes. Throws Problem if it cannot be decoded. */
  async view(bytes: Uint8Array, name: string, view: EvaluationView): Promise<Uint8Array> {
    const transform = evaluationTransform(view);
    const options = { transform, jpeg: "exact", exif: view.exif, maxPixels: this.maxPixels } as const;
    const decoded = await this.#pool.run({ bytes, name, options }).catch((error) => {
      if (error instanceof WorkerDied) throw new Problem(422, `"${name}" cannot be decoded; send another image.`);
      throw error;
    });
    if ("refused" in decoded) throw new Problem(422, decoded.refused);
    return decoded.view;
  }

  close(): void {
    this.#pool.close();
  }
}
