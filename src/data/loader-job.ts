/** The unit of a loader's work: some samples of a batch. */
import type { SampleSource } from "./dataset.js";
import { makeView, type ViewOptions } from "./view.js";

export interface LoaderJob {
  readonly options: ViewOptions;
  readonly seed: number;
  readonly epoch: number;
  /** Memory of the whole batch, shared between threads. */
  readonly memory: SharedArrayBuffer;
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

/** Writes the views into their slots and answers with the samples that could not be read. */
export async function fillViews({ options, seed, epoch, memory, samples }: LoaderJob): Promise<readonly BadSample[]> {
  const bytes = options.transform.size ** 2 * 3;
  const bad: BadSample[] = [];
  for (const { slot, index, view, source } of samples) {
    try {
      const pixels = await makeView(source, options, { seed, epoch, sample: index, view });
      new Uint8Array(memory, slot * bytes, bytes).set(pixels);
    } catch (error) {
      bad.push({ slot, index, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return bad;
}
