/** Pages of training runs, written in a thread of their own. */
import { WorkerPool } from "../../system/threads/worker-pool.js";
import { workerUrl } from "../../system/threads/worker-url.js";
import { Problem } from "../problem.js";
import type { PageJob, WrittenPage } from "./pages-worker.js";

export class Pages {
  readonly #pool = new WorkerPool<PageJob, WrittenPage>(workerUrl("server/pages/pages-worker"), 1, () => "a page");
  /** Pages that are being written: all who ask meanwhile get the same one. */
  readonly #writing = new Map<string, Promise<WrittenPage>>();

  /** Throws Problem if a run cannot be shown. */
  async page(job: PageJob): Promise<string> {
    const key = JSON.stringify(job);
    const writing = this.#writing.get(key) ?? this.#pool.run(job).finally(() => this.#writing.delete(key));
    this.#writing.set(key, writing);
    const written = await writing;
    if ("page" in written) return written.page;
    throw new Problem(written.status, written.message);
  }

  close(): void {
    this.#pool.close();
  }
}
