/** The unit of a loader's work: some samples of a batch. */
import { messageOf } from "../../errors/message-of.js";
import type { SampleSource } from "../dataset/dataset.js";
import { readSource } from "../view/read-source.js";
import { viewBytes } from "../view/transform.js";
import { type ViewOptions, writeView } from "../view/view.js";

export interface LoaderJob {
  readonly options: ViewOptions;
  readonly seed: number;
  readonly epoch: number;
  /** Memory of the whole batch, shared between threads. */
  readonly memory: SharedArrayBuffer;
  /** One int32: the index in `samples` of the current one, so that it is known which one a worker died on. */
  readonly current: SharedArrayBuffer;
  readonly samples: readonly {
    readonly slot: number;
    readonly index: number;
    readonly view: number;
    readonly source: SampleSource;
  }[];
}

export interface BadSample {
  readonly slot: number;
  readonly index: number;
  readonly message: string;
}

/** Samples that are read ahead, so that waits for a slow disk overlap. */
const readAhead = 4;

type Memory = (bytes: number) => Uint8Array;

/** Working memory of a job. */
interface Desk {
  /** For decoded images, one at a time. */
  readonly decoded: Memory;
  /** For file contents: one more than are read ahead, so that each is free again when its turn comes. */
  readonly read: readonly Memory[];
}

/** Unused ones of this thread. */
const desks: Desk[] = [];

/** Writes the views into their slots and returns the samples that could not be read. */
export async function fillViews(job: LoaderJob): Promise<readonly BadSample[]> {
  const desk = desks.pop() ?? { decoded: scratch(), read: Array.from({ length: readAhead + 1 }, scratch) };
  try {
    return await fill(job, desk);
  } finally {
    desks.push(desk);
  }
}

async function fill(
  { options, seed, epoch, memory, current, samples }: LoaderJob,
  { decoded: allocate, read }: Desk,
): Promise<readonly BadSample[]> {
  const bytes = viewBytes(options.transform);
  const mark = new Int32Array(current);
  const bad: BadSample[] = [];
  const start = (i: number) => started(samples[i].source, read[i % read.length]);
  const reads = samples.slice(0, readAhead).map((_, i) => start(i));
  for (const [i, { slot, index, view }] of samples.entries()) {
    if (i + readAhead < samples.length) reads.push(start(i + readAhead));
    try {
      const found = await reads.shift()!;
      Atomics.store(mark, 0, i);
      const target = new Uint8Array(memory, slot * bytes, bytes);
      await writeView(found, { ...options, allocate }, { seed, epoch, sample: index, view }, target);
    } catch (error) {
      bad.push({ slot, index, message: messageOf(error) });
    }
  }
  return bad;
}

function started(source: SampleSource, memory: Memory): ReturnType<typeof readSource> {
  const read = readSource(source, memory);
  read.catch(() => undefined); // reported when its turn comes
  return read;
}

/** Memory for one image at a time: each is no longer needed when the next arrives. */
function scratch(): Memory {
  let memory = new Uint8Array(0);
  return (bytes) => {
    if (memory.length < bytes) memory = new Uint8Array(bytes);
    return memory.subarray(0, bytes);
  };
}
