/** A worker thread of the server: decodes an image and makes the model's view of it. */
import { parentPort } from "node:worker_threads";
import { type ViewOptions, writeView } from "../data/view/view.js";
import { FileError } from "../errors/errors.js";
import { type PoolPort, serveJobs } from "../system/threads/worker-pool.js";

export interface DecodingJob {
  /** An image file. */
  readonly bytes: Uint8Array;
  /** Its name in messages. */
  readonly name: string;
  readonly options: ViewOptions;
}

/** The view, `size · size · 3` bytes, or why there is none. */
export type Decoded = { readonly view: Uint8Array } | { readonly refused: string };

/** Pixels of usual photos are decoded into the same memory each time; memory for larger ones is not kept. */
const keptBytes = 64 * 2 ** 20;
let kept = new Uint8Array(0);

function allocate(bytes: number): Uint8Array {
  if (bytes > keptBytes) return new Uint8Array(bytes);
  if (kept.length < bytes) kept = new Uint8Array(bytes);
  return kept.subarray(0, bytes);
}

async function decode({ bytes, name, options }: DecodingJob): Promise<Decoded> {
  const view = new Uint8Array(options.transform.size ** 2 * 3);
  try {
    await writeView({ bytes, name }, { ...options, allocate }, { seed: 0, epoch: 0, sample: 0, view: 0 }, view);
    return { view };
  } catch (error) {
    if (error instanceof FileError) return { refused: error.message };
    throw error;
  }
}

serveJobs(parentPort as unknown as PoolPort, decode);
