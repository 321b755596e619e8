/** The unit of a loader's work: some samples of a batch. */
import { setImmediate as turn } from "node:timers/promises";
import { messageOf } from "../../errors/message-of.js";
import { readsAreSlow } from "../../system/files/read-at-once.js";
import type { SampleSource } from "../dataset/dataset.js";
import { viewBytes } from "../view/transform.js";
import { type ViewOptions, writeView } from "../view/view.js";
import { ReadAhead, type Reading, scratch } from "./read-ahead.js";

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

/** A job whose samples are being read. */
export interface PreparedJob {
  readonly job: LoaderJob;
  /** One for each sample. */
  readonly readings: readonly Reading[];
}

/** The reads of this thread. */
const ahead = new ReadAhead();

/** Memory for decoded images, one at a time, that jobs of this thread do not use now. */
const unused: ReturnType<typeof scratch>[] = [];

/** Starts reading the samples of a job, after those of jobs that were prepared before; it must then be filled. */
export const prepareJob = (job: LoaderJob): PreparedJob => ({
  job,
  readings: job.samples.map(({ source }) => ahead.add(source)),
});

/** Writes the views into their slots and returns the samples that could not be read. */
export async function fillViews({ job, readings }: PreparedJob): Promise<readonly BadSample[]> {
  const { options, seed, epoch, memory, current, samples } = job;
  const allocate = unused.pop() ?? scratch();
  const bytes = viewBytes(options.transform);
  const mark = new Int32Array(current);
  const bad: BadSample[] = [];
  for (const [i, { slot, index, view }] of samples.entries()) {
    try {
      const found = await readings[i].found;
      Atomics.store(mark, 0, i);
      const target = new Uint8Array(memory, slot * bytes, bytes);
      await writeView(found, { ...options, allocate }, { seed, epoch, sample: index, view }, target);
    } catch (error) {
      bad.push({ slot, index, message: messageOf(error) });
    }
    readings[i].done();
    // The steps of reads, as opening and reading a file, follow each other only while this thread waits.
    if (readsAreSlow()) await turn();
  }
  unused.push(allocate);
  return bad;
}
