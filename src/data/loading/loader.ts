/** Batches: worker threads decode and transform into shared memory, a few batches ahead of the consumer. */
import { availableParallelism } from "node:os";
import { FileError, UsageError } from "../../errors/errors.js";
import { sentence, setting } from "../../errors/sentence.js";
import type { ImageSize } from "../../geometry/image-size.js";
import { RandomStream } from "../../random/stream.js";
import { WorkerDied, WorkerPool } from "../../system/threads/worker-pool.js";
import { workerUrl } from "../../system/threads/worker-url.js";
import { type Dataset, requireAlpha, requireOrientation } from "../dataset/dataset.js";
import { piecesOf, whileHere } from "../dataset/pieces.js";
import type { Exif } from "../pixels/orientation.js";
import { picturesOf, type Transform, viewBytes } from "../view/transform.js";
import { type BadSample, fillViews, type LoaderJob, prepareJob } from "./job.js";
import { type NativeBatch, NativeShapes, nativeBatches, shuffledBatches } from "./native-batches.js";
import { augmentOwn, type OwnAugmentation, readCallbacks } from "./on-this-thread.js";
import { type EpochOptions, type EpochOrder, epochLength, epochOrder, type Sampling, viewAt } from "./order.js";

/** What a loader reads, and how. */
export interface LoaderOptions {
  /** The samples. */
  readonly dataset: Dataset;
  /** Samples of a batch, over all processes together. */
  readonly batchSize: number;
  /** From a decoded image to a view; all views have its size, or in native aspect those of a batch have one of its sizes. */
  readonly transform: Transform;
  /** The transform in an epoch, into views no larger than those of `transform` (default: that in all epochs). */
  readonly transformAt?: (epoch: number) => Transform;
  /** Seed of the order of samples and of all random choices of views. */
  readonly seed: number;
  /** Worker threads; 0 uses this thread. The batches are the same. */
  readonly workers: number;
  /** `shuffled` draws an order for each epoch, `sequential` keeps that of the dataset. */
  readonly order: "shuffled" | "sequential";
  /**
   * Which samples a shuffled epoch has (default: `all` once). It has as many otherwise, but `balanced` has the classes in
   * equal numbers and `squareRoot` by the square roots of their sizes; a sample that is there again has another view.
   */
  readonly sampling?: Sampling;
  /** Views of each sample in a shuffled epoch, which then has that many times fewer samples (default: 1). */
  readonly repeats?: number;
  /**
   * How often an epoch goes through the samples, 1 or more (default: 1). Each pass has an order of its own, and a sample
   * that is there again has another view; a part of a pass is the beginning of one.
   */
  readonly passes?: number;
  /**
   * Drops the last batch if it is not full; otherwise its `count` is below the batch size. In native aspect, what does not fill a batch of
   * its shape goes to the next shape towards the square, or otherwise is a batch that is not full.
   */
  readonly dropLast: boolean;
  /**
   * `fast` decodes JPEGs at a fraction of their size where the view allows it; `exact` gives the pixels of Pillow
   * (default: exact).
   */
  readonly jpeg?: "exact" | "fast";
  /** Images with more pixels are refused. */
  readonly maxPixels?: number;
  /** Whether images are rotated according to their metadata (default: ignored). */
  readonly exif?: Exif;
  /** In native aspect, the shapes of images that other loaders have read (default: they are read before the first epoch). */
  readonly shapes?: NativeShapes;
  /** What to do about an image that cannot be read. `skip` replaces it with a different one of its batch. */
  readonly onBadImage?: "stop" | "skip";
  /** Called with a sentence for each image that was skipped. */
  readonly onSkipped?: (message: string) => void;
  /** Changes each view after the transform, on this thread whatever the number of workers. */
  readonly augment?: OwnAugmentation;
  /** This process's index among several that each make an equal share of a batch (default: a single process). */
  readonly process?: {
    /** Counted from 0. */
    readonly index: number;
    /** Number of the processes. */
    readonly count: number;
  };
}

/** Images preprocessed for the model, with labels. */
export interface Batch {
  /** Number of the batch in its epoch, counted from 0. */
  readonly step: number;
  /** Size of its views in pixels: that of the transform, or in native aspect one of its sizes. */
  readonly size: ImageSize;
  /** Index in the whole batch of the first sample here; 0 for a single process. */
  readonly first: number;
  /**
   * uint8 `[share, height, width, channels]` (with several crops or splits, `[share, pictures, height, width, channels]`), where the share of a single process is the whole batch; shared memory that other
   * threads can read directly; slots from `count` are zero. Valid until the batch after the next is requested, when it
   * is reused: copy what you want to keep.
   */
  readonly images: Uint8Array;
  /** `[share]`. */
  readonly labels: Int32Array;
  /** Where samples may have several labels: float32 `[share, classes]`, 1 for each class of a sample. */
  readonly targets?: Float32Array;
  /** Index of each sample in the dataset. */
  readonly indices: Int32Array;
  /** Number of each view among those of its sample in the epoch, from 0. */
  readonly views: Int32Array;
  /** Number of samples; less than the number of slots only in the last batch, in native aspect of each shape. */
  readonly count: number;
}

/** Batches of a dataset, epoch by epoch, made ahead by worker threads. */
export interface Loader {
  /** Batches of an epoch; of one in native aspect that drops none, up to one more for each further shape. */
  readonly stepsPerEpoch: number;
  /** Batch size of all processes together. */
  readonly batchSize: number;
  /** Milliseconds that the consumer has waited for batches so far. */
  readonly waited: () => number;
  /** Batches of an epoch, starting at `fromStep`. Every view is a function of seed, epoch and sample only. */
  epoch(epoch: number, fromStep?: number): AsyncGenerator<Batch, void>;
  /** Ends the worker threads. Batches that are being made are dropped. */
  close(): Promise<void>;
}

/** Samples of an epoch whose pieces are fetched in advance. */
const foreseen = 4096;

const alone = { index: 0, count: 1 } as const;

/** Batches in preparation besides the one being used. */
const ahead = 2;

type Pool = WorkerPool<LoaderJob, readonly BadSample[]>;

/** A batch in memory shared by all threads, which is reused when the batch is no longer needed. */
type SharedBatch = Batch & { readonly images: Uint8Array<SharedArrayBuffer> };

/**
 * `worker` is the module of the worker threads.
 *
 * @example
 * ```ts
 * import { createLoader, openDataset } from "deit";
 *
 * const loader = createLoader({
 *   dataset: await openDataset("photos/", { split: "train" }),
 *   transform: { kind: "evaluation", size: 32, cropRatio: 0.9, interpolation: "bicubic" },
 *   batchSize: 8,
 *   workers: 2,
 *   order: "shuffled",
 *   seed: 0,
 *   dropLast: true,
 * });
 * for await (const { images, labels, count } of loader.epoch(0)) console.log(images.length, labels[0], count);
 * await loader.close();
 * ```
 */
export function createLoader(options: LoaderOptions, worker = workerUrl("data/loading/worker")): Loader {
  const { dataset, batchSize, dropLast, transform, process: { count: processes } = alone } = options;
  if (batchSize % processes !== 0) {
    throw new UsageError(
      sentence`A batch of ${batchSize} cannot be shared out among ${processes} processes; choose a ${setting("batchSize")} that ${processes} divides.`,
    );
  }
  requireFewThreads(options.workers);
  requireOrientation(dataset, options.exif);
  requireAlpha(dataset, transform.channels);
  const length = epochLength(options);
  const stepsPerEpoch = dropLast ? Math.floor(length / batchSize) : Math.ceil(length / batchSize);
  if (stepsPerEpoch === 0) throw fewerThanBatch(options, batchSize);
  const pool: Pool | undefined =
    options.workers > 0
      ? new WorkerPool(worker, options.workers, ({ samples, current }) =>
          dataset.describe(samples[Atomics.load(new Int32Array(current), 0)].index),
        )
      : undefined;
  const free: SharedArrayBuffer[] = [];
  const memory = () => free.pop() ?? new SharedArrayBuffer((batchSize / processes) * viewBytes(transform));
  const { shapes = new NativeShapes(), exif = "ignore", transformAt = () => transform } = options;
  let waited = 0;
  return {
    stepsPerEpoch,
    batchSize,
    waited: () => waited,
    async *epoch(epoch, fromStep = 0) {
      const order = epochOrder(options, epoch);
      const usual = transformAt(epoch);
      const sizes = transform.nativeSizes;
      const batches = sizes && arranged(options, sizes.length, order, await shapes.of(dataset, sizes, exif), epoch);
      const steps = batches?.length ?? stepsPerEpoch;
      const queue: Promise<SharedBatch>[] = [];
      let next = fromStep;
      const request = () => {
        if (next >= steps) return;
        foresee(options, order, next);
        const single = batches?.[next];
        const seen = single ? { ...transform, size: sizes![single.shape], nativeSizes: undefined } : usual;
        const batch = makeBatch({ ...options, transform: seen }, pool, memory(), order, epoch, next++, single?.places);
        batch.catch(() => undefined); // reported when its turn comes
        queue.push(batch);
      };
      for (let i = 0; i < (pool ? ahead : 1); i++) request();
      let before: SharedBatch | undefined;
      for (let batch = queue.shift(); batch; batch = queue.shift()) {
        const start = performance.now();
        const ready = await batch;
        waited += performance.now() - start;
        request();
        yield ready;
        // The consumer may still use this batch while it takes the next, but not the one before.
        if (before) free.push(before.images.buffer);
        before = ready;
      }
    },
    close: async () => pool?.close(),
  };
}

/** The error for data of which an epoch does not fill one batch. */
export function fewerThanBatch(options: EpochOptions & Pick<LoaderOptions, "dataset">, batchSize: number): FileError {
  const { name, length } = options.dataset;
  const images = length === 1 ? "1 image" : `${length} images`;
  const views = epochLength(options);
  const shown = views === length ? images : `${images} (${views} in an epoch)`;
  return new FileError(
    name,
    sentence`The dataset "${name}" has ${shown} to train on, fewer than one batch of ${batchSize}; give a ${setting("batchSize")} of ${views} or less.`,
  );
}

/** Starts fetching the pieces of the samples after a step's. */
function foresee(
  { dataset: { pieces }, batchSize }: LoaderOptions,
  { samples, repeats }: EpochOrder,
  step: number,
): void {
  if (!pieces) return;
  const from = Math.floor((step * batchSize) / repeats);
  pieces.foresee(piecesOf(pieces, samples.subarray(from, from + foreseen)));
}

/** An epoch's views as batches of single shapes; a pure function of its arguments. */
function arranged(
  options: LoaderOptions,
  shapes: number,
  places: EpochOrder,
  shapeOf: Uint8Array,
  epoch: number,
): readonly NativeBatch[] {
  const { dataset, batchSize, dropLast, seed, order } = options;
  const views = epochLength(options);
  const shape = (place: number) => shapeOf[viewAt(places, place).sample];
  const batches = nativeBatches(shape, { views, shapes, batchSize, pad: !dropLast });
  // Pieces that are fetched one after the other are read in that order.
  if (order === "sequential" || dataset.pieces) return batches;
  return shuffledBatches(batches, new RandomStream({ seed, epoch, purpose: "batches" }));
}

/** `places`: of the views in the order of the epoch, if they do not follow those of the batch before. */
async function makeBatch(
  options: LoaderOptions,
  pool: Pool | undefined,
  memory: SharedArrayBuffer,
  order: EpochOrder,
  epoch: number,
  step: number,
  places?: readonly number[],
): Promise<SharedBatch> {
  const { dataset, transform, seed, jpeg = "exact", maxPixels, exif } = options;
  const { process = alone } = options;
  const share = options.batchSize / process.count;
  const first = process.index * share;
  const from = step * options.batchSize;
  const placed = places ?? { length: Math.min(options.batchSize, epochLength(options) - from) };
  const count = Math.max(0, Math.min(share, placed.length - first));
  // Views of a sample are adjacent, so that a batch contains them together (repeated augmentation).
  const indices = new Int32Array(share).fill(-1);
  const views = new Int32Array(share);
  for (let slot = 0; slot < count; slot++) {
    const place = places?.[first + slot] ?? from + first + slot;
    const { sample, view } = viewAt(order, place);
    indices[slot] = sample;
    views[slot] = view;
  }
  const bytes = viewBytes(transform);
  const images = new Uint8Array(memory, 0, share * bytes);
  images.fill(0, count * bytes);
  const wanted = [...indices.subarray(0, count)].map((index, slot) => ({
    ...{ slot, index, view: views[slot] },
    source: dataset.source(index),
  }));
  const { samples, bad: unread } = await readCallbacks(wanted);
  const size = pool ? Math.min(32, Math.ceil(samples.length / (2 * pool.size))) : samples.length;
  const jobs: LoaderJob[] = [];
  for (let at = 0; at < samples.length; at += size) {
    const current = new SharedArrayBuffer(4);
    const part = samples.slice(at, at + size);
    jobs.push({ options: { transform, jpeg, maxPixels, exif }, seed, epoch, memory, current, samples: part });
  }
  const run = () => Promise.all(jobs.map((job) => runJob(options, pool, job)));
  const bad = [...unread, ...(await whileHere(dataset, indices.subarray(0, count), run)).flat()];
  if (options.augment) await augmentAll(options, images, { samples, bad, epoch });
  const labels = new Int32Array(share);
  for (let slot = 0; slot < count; slot++) labels[slot] = dataset.label(indices[slot]);
  const targets = dataset.labelsOf && new Float32Array(share * dataset.classes.length);
  if (bad.length > 0) replaceBad(options, bad, { images, labels, indices, count });
  for (let slot = 0; targets && slot < count; slot++)
    for (const c of dataset.labelsOf!(indices[slot])) targets[slot * dataset.classes.length + c] = 1;
  return { step, size: transform.size, first, images, labels, targets, indices, views, count };
}

/** Augments the views that could be made by the caller's own function. */
async function augmentAll(
  { dataset, transform, seed, augment }: LoaderOptions,
  images: Uint8Array,
  made: { readonly samples: LoaderJob["samples"]; readonly bad: readonly BadSample[]; readonly epoch: number },
): Promise<void> {
  const { size, channels = 3 } = transform;
  const pictures = picturesOf(transform);
  const bytes = viewBytes(transform) / pictures;
  const missing = new Set(made.bad.map(({ slot }) => slot));
  for (const { slot, index, view } of made.samples) {
    if (missing.has(slot)) continue;
    const key = { seed, epoch: made.epoch, sample: index, view };
    // Of several pictures, the first is not augmented.
    for (let picture = pictures > 1 ? 1 : 0; picture < pictures; picture++) {
      const place = { size, channels, key, picture, name: dataset.describe(index) };
      const at = slot * pictures + picture;
      await augmentOwn(augment!, images.subarray(at * bytes, (at + 1) * bytes), place);
    }
  }
}

/** Runs a job; one that kills its worker stops the loader, or continues without the sample that caused it. */
async function runJob(options: LoaderOptions, pool: Pool | undefined, job: LoaderJob): Promise<readonly BadSample[]> {
  const { dataset, onBadImage = "stop" } = options;
  try {
    return await (pool ? pool.run(job) : fillViews(prepareJob(job)));
  } catch (error) {
    const message = `${error instanceof Error ? error.message : error}. Remove the file, or check it with another program.`;
    const at = Atomics.load(new Int32Array(job.current), 0);
    const { slot, index } = job.samples[at];
    if (!(error instanceof WorkerDied) || onBadImage === "stop") throw new FileError(dataset.describe(index), message);
    const others = job.samples.filter((_, i) => i !== at);
    const again = { ...job, samples: others, current: new SharedArrayBuffer(4) };
    const rest = others.length > 0 ? await runJob(options, pool, again) : [];
    return [{ slot, index, message }, ...rest];
  }
}

/** Replaces each sample that could not be read with a copy of a different one of the batch, or throws. */
function replaceBad(
  { dataset, onBadImage = "stop", onSkipped }: LoaderOptions,
  bad: readonly BadSample[],
  { images, labels, indices, count }: Pick<Batch, "images" | "labels" | "indices" | "count">,
): void {
  const slots = new Set(bad.map((b) => b.slot));
  const bytes = images.length / indices.length;
  const good = [...indices.keys()].find((slot) => slot < count && !slots.has(slot));
  if (onBadImage === "stop" || good === undefined) throw new FileError(dataset.describe(bad[0].index), bad[0].message);
  for (const { slot, message } of bad) {
    onSkipped?.(message);
    images.copyWithin(slot * bytes, good * bytes, (good + 1) * bytes);
    labels[slot] = labels[good];
    indices[slot] = indices[good];
  }
}

/** Slow storage may keep many threads waiting, but each one takes memory and time to start. */
function requireFewThreads(workers: number): void {
  const cores = availableParallelism();
  const most = Math.max(64, 16 * cores);
  if (workers > most)
    throw new UsageError(
      sentence`${workers} threads for decoding are more than ${cores} processor cores can use; choose ${setting("workers")} of at most ${most}.`,
    );
}
