/** Images per second of a model in inference (paper, tables 1 and 5, figure 1). */

import type { Engine } from "../engines/engine.js";
import { InterruptedError, OutOfMemoryError } from "../errors/errors.js";
import { imageLength } from "../models/image-batch.js";
import type { Model } from "../models/model.js";
import { RandomStream } from "../random/stream.js";
import type { NamedTensors } from "../tensor/index.js";
import { Classifier } from "./classifier.js";
import { RunningMean } from "./running-mean.js";

/** A number of images; `fastest`: the power of two with the most images per second; `largest`: the most that fit. */
export type BatchChoice = number | "fastest" | "largest";

export interface ThroughputOptions {
  readonly engine: Engine;
  readonly model: Model;
  readonly weights: NamedTensors;
  readonly batch: BatchChoice;
  /** Number of timed runs (default: 30, as in the paper). */
  readonly runs?: number;
  /** Upper bound of the search (default: 1024). */
  readonly mostImages?: number;
  readonly signal?: AbortSignal;
  /** Called for each run, including those of the search (where `of` is undefined). */
  readonly onRun?: (batch: number, run: number, of?: number) => void;
}

export interface Throughput {
  readonly batch: number;
  /** Images divided by the time of all runs: uint8 images in, logits out. */
  readonly imagesPerSecond: number;
  /** Standard deviation of single runs. */
  readonly deviation: number;
  readonly runs: number;
}

/** Times the model on random images; throws InterruptedError if the signal is aborted. */
export async function measureThroughput(options: ThroughputOptions): Promise<Throughput> {
  const { engine, model, weights, batch, runs = 30 } = options;
  const classifier = await Classifier.create({ engine, model }, weights);
  try {
    const time: Timer = (size, count, of) => timed(classifier, size, count, options, of);
    const chosen = typeof batch === "number" ? batch : await search(batch, time, options.mostImages ?? 1024);
    return await time(chosen, runs, runs);
  } finally {
    await classifier.dispose();
  }
}

type Timer = (batch: number, runs: number, of?: number) => Promise<Throughput>;

/** Untimed runs: the first ones compile, allocate and bring the processor up to speed. */
const warmUp = 2;

async function timed(
  classifier: Classifier,
  batch: number,
  runs: number,
  { signal, onRun }: ThroughputOptions,
  of: number | undefined,
): Promise<Throughput> {
  const images = randomImages(classifier.model, batch);
  const speed = new RunningMean();
  let total = 0;
  for (let run = -warmUp; run < runs; run++) {
    if (signal?.aborted) throw new InterruptedError("The measurement was interrupted.");
    const start = performance.now();
    await classifier.logits(images, batch);
    const seconds = (performance.now() - start) / 1000;
    if (run < 0) continue;
    total += seconds;
    speed.add(batch / seconds);
    onRun?.(batch, run + 1, of);
  }
  return { batch, runs, imagesPerSecond: (batch * runs) / total, deviation: speed.deviation };
}

function randomImages(model: Model, batch: number): Uint8Array {
  const stream = new RandomStream({ seed: 0, purpose: "throughput" });
  return Uint8Array.from({ length: batch * imageLength(model) }, () => stream.uniform(0, 256));
}

/** Doubles the batch while it is faster, or while it fits. */
async function search(choice: "fastest" | "largest", time: Timer, mostImages: number): Promise<number> {
  let best = { batch: 1, imagesPerSecond: 0 };
  for (let batch = 1; batch <= mostImages; batch *= 2) {
    let found: Throughput;
    try {
      found = await time(batch, 3);
    } catch (error) {
      if (batch > 1 && error instanceof OutOfMemoryError) break;
      throw error;
    }
    // A gain of a few percent may be noise, and is not worth twice the memory and latency.
    if (choice === "largest" || found.imagesPerSecond > 1.03 * best.imagesPerSecond) best = found;
    else if (batch >= 4 * best.batch) break;
  }
  return best.batch;
}
