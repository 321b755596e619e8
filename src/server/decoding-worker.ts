/** A worker thread of the server: decodes an image and makes the model's view of it. */
import { parentPort } from "node:worker_threads";
import { restoreIt } from "../data/codec/file-format.js";
import { type ViewOptions, writeView } from "../data/view/view.js";
import { FileError } from "../errors/errors.js";
import type { ImageSize } from "../geometry/image-size.js";
import { type PoolPort, serveJobs } from "../system/threads/worker-pool.js";

export interface DecodingJob {
  /** An image file. */
  readonly bytes: Uint8Array;
  /** Its name in messages. */
  readonly name: string;
  readonly options: ViewOptions;
  /** Shared memory for the view, `height · width · 3` bytes or more. */
  readonly target: Uint8Array;
}

/** The size of the view, or why there is none. */
export type Decoded = { readonly size: ImageSize } | { readonly refused: string };

/** Pixels of usual photos are decoded into the same memory each time; memory for larger ones is not kept. */
const keptBytes = 64 * 2 ** 20;
let kept = new Uint8Array(0);

function allocate(bytes: number): Uint8Array {
  if (bytes > keptBytes) return new Uint8Array(bytes);
  if (kept.length < bytes) kept = new Uint8Array(bytes);
  return kept.subarray(0, bytes);
}

/** Decoders take memory of their own thread. */
let own = new Uint8Array(0);

function owned(bytes: Uint8Array): Uint8Array {
  if (!(bytes.buffer instanceof SharedArrayBuffer) || bytes.length > keptBytes) return bytes.slice();
  if (own.length < bytes.length) own = new Uint8Array(2 ** Math.ceil(Math.log2(bytes.length)));
  own.set(bytes);
  return own.subarray(0, bytes.length);
}

async function decode({ bytes, name, options, target }: DecodingJob): Promise<Decoded> {
  try {
    const place = { seed: 0, epoch: 0, sample: 0, view: 0 };
    return { size: await writeView({ bytes: owned(bytes), name }, { ...options, allocate }, place, target) };
  } catch (error) {
    if (error instanceof FileError) return { refused: error.message.replace(restoreIt, "send another image") };
    throw error;
  }
}

serveJobs(parentPort as unknown as PoolPort, decode);
