/**
 * Features of the frozen part of a model: computed once for each of some views of every image, stored, and handed to the
 * trained part in place of the images. Later epochs go through the stored views in turn, each in an order of its own.
 */
import { join } from "node:path";
import type { Dataset } from "../../data/dataset/dataset.js";
import { type Batch, createLoader, type Loader, type LoaderOptions } from "../../data/loading/loader.js";
import { epochLength, epochOrder, viewAt } from "../../data/loading/order.js";
import { FileError, InterruptedError } from "../../errors/errors.js";
import type { Tail } from "../../models/tail.js";
import { requireFreeSpace } from "../../system/files/atomic-file.js";
import type { Lock } from "../../system/files/lock-file.js";
import { ownFolder } from "../../system/files/owned-folder.js";
import { hostTensor, type NamedTensors, sizeOf } from "../../tensor/index.js";
import { epochOf } from "../feed/training-data.js";
import type { Recipe } from "../recipe/recipe.js";
import type { FrozenPart } from "./frozen-part.js";
import { beginOrContinue, type FeatureIdentity } from "./identity.js";
import { decodeRows, encodeRows, type RowFormat, rowBytes } from "./rows.js";
import { featureInput } from "./stored-input.js";
import { gatherRows, readRows, soundRows, ViewWriter } from "./view-file.js";

/** What is stored, and how much. */
export interface StoredViewsSize {
  /** Views of each image. */
  readonly views: number;
  /** Images of a view. */
  readonly images: number;
  /** Bytes of all files. */
  readonly bytes: number;
}

/** Stored views of an image; never more than there are epochs. */
const viewsOf = ({ frozenViews, epochs }: Recipe): number =>
  frozenViews === undefined ? 0 : Math.min(epochs, frozenViews === "all" ? epochs : frozenViews);

/** What the features of these images take. */
export function storedSize(recipe: Recipe, dataset: Dataset, tail: Pick<Tail, "shapes">): StoredViewsSize {
  const views = viewsOf(recipe);
  const images = rowsOf(recipe, dataset);
  return { views, images, bytes: views * images * rowBytes(formatOf(recipe, tail)) };
}

const formatOf = ({ frozenFormat }: Recipe, { shapes }: Pick<Tail, "shapes">): RowFormat => ({
  numbers: shapes.reduce((sum, shape) => sum + sizeOf(shape), 0),
  type: frozenFormat,
});

/** Images of a view: those of whole steps if every epoch has its own, otherwise all. */
function rowsOf(recipe: Recipe, dataset: Dataset): number {
  const { batchSize, epochs } = recipe;
  const length = epochLength({ dataset, ...epochOf(recipe) });
  return viewsOf(recipe) < epochs ? length : length - (length % batchSize);
}

export interface StoredViewsOptions {
  readonly recipe: Recipe;
  readonly dataset: Dataset;
  readonly tail: Tail;
  readonly part: FrozenPart;
  readonly identity: FeatureIdentity;
  /** How images are read. */
  readonly views: LoaderOptions;
  readonly folder: string;
}

/** A batch of stored features. */
export interface SeenBatch {
  /** Without pixels. */
  readonly batch: Batch;
  /** Values by the names of the program's inputs. */
  readonly values: NamedTensors;
}

/** Milliseconds after which an unfinished view is saved again. */
const saveInterval = 600_000;

export class StoredViews {
  /** Batches without pixels, in the order of each epoch. */
  readonly loader: Loader;
  readonly #format: RowFormat;
  readonly #ready = new Set<number>();
  /** Place of each image in the file of a view. */
  #places: { readonly view: number; readonly of: Uint32Array } | undefined;
  #waited = 0;

  private constructor(
    private readonly options: StoredViewsOptions,
    private readonly lock: Lock,
  ) {
    this.#format = formatOf(options.recipe, options.tail);
    this.loader = this.#ordered();
  }

  /** Opens the folder, which is begun if it is new. Throws TrainingError if it belongs to something else. */
  static async open(options: StoredViewsOptions): Promise<StoredViews> {
    const { folder, recipe, dataset, tail, identity } = options;
    const lock = await ownFolder(folder, "the folder of features");
    try {
      await beginOrContinue(folder, identity);
      const stored = new StoredViews(options, lock);
      if (!(await stored.#isWhole(0)))
        await requireFreeSpace(folder, storedSize(recipe, dataset, tail).bytes, "the features of the frozen part");
      return stored;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  get folder(): string {
    return this.options.folder;
  }

  /** What all views take. */
  get size(): StoredViewsSize {
    const { recipe, dataset, tail } = this.options;
    return storedSize(recipe, dataset, tail);
  }

  close(): Promise<void> {
    return this.lock.release();
  }

  /**
   * Computes and stores the view of an epoch unless it is there. Throws InterruptedError if the signal is aborted; what is
   * done is kept.
   */
  async prepare(
    epoch: number,
    {
      signal,
      onProgress,
    }: { readonly signal?: AbortSignal; readonly onProgress?: (done: number, all: number) => void },
  ): Promise<void> {
    const view = this.#viewOf(epoch);
    if (this.#ready.has(view) || (await this.#isWhole(view))) return;
    const { recipe, dataset, part, views } = this.options;
    const all = rowsOf(recipe, dataset);
    const writer = await ViewWriter.open(this.#file(view), this.#format);
    const { batchSize } = views;
    const loader = createLoader({ ...views, dropLast: false });
    let saved = performance.now();
    try {
      const from = Math.floor(writer.rows / batchSize);
      for await (const batch of writer.rows < all ? loader.epoch(view, from) : []) {
        if (signal?.aborted) throw new InterruptedError("The features of the frozen part are not complete yet.");
        const rows = Math.min(batch.count, all - writer.rows);
        const values = await part.values(view, batch);
        const parts = [...this.#inputs()].map((name) => values.get(name)!.data as Float32Array);
        await writer.add(encodeRows(this.#format, batch.indices, rows, parts, batchSize), rows, this.#format);
        onProgress?.(writer.rows, all);
        if (writer.rows === all) break;
        if (performance.now() - saved < saveInterval) continue;
        await writer.save();
        saved = performance.now();
      }
    } finally {
      await loader.close();
      await writer.save().finally(() => writer.close());
    }
    this.#ready.add(view);
  }

  /** The stored features of a batch of the loader. */
  async seen(epoch: number, batch: Batch): Promise<SeenBatch> {
    const start = performance.now();
    const { views, dataset, tail } = this.options;
    const view = this.#viewOf(epoch);
    const path = this.#file(view);
    const size = batch.indices.length;
    const bytes =
      epoch === view
        ? await readRows(path, this.#format, batch.step * size, size)
        : await gatherRows(
            path,
            this.#format,
            Array.from(batch.indices, (i) => this.#placesIn(view)[i]),
          );
    const { indices, numbers } = decodeRows(this.#format, bytes);
    if (views.onBadImage !== "skip" && !indices.every((index, i) => index === batch.indices[i]))
      throw new FileError(path, `"${path}" holds features of other images; remove it, and it is written anew.`);
    const values = new Map(
      tail.cut.map((layer, i) => {
        const shape = [size, ...tail.shapes[i].slice(1)];
        const before = tail.shapes.slice(0, i).reduce((sum, s) => sum + sizeOf(s), 0);
        return [
          featureInput(layer),
          hostTensor("float32", shape, columns(numbers, size, before, sizeOf(tail.shapes[i]))),
        ];
      }),
    );
    this.#waited += performance.now() - start;
    return { batch: { ...batch, indices, labels: indices.map((index) => dataset.label(index)) }, values };
  }

  #viewOf(epoch: number): number {
    return epoch % viewsOf(this.options.recipe);
  }

  #file(view: number): string {
    return join(this.options.folder, `view-${String(view).padStart(4, "0")}.rows`);
  }

  #inputs(): readonly string[] {
    return this.options.tail.cut.map(featureInput);
  }

  async #isWhole(view: number): Promise<boolean> {
    const { recipe, dataset } = this.options;
    const whole = (await soundRows(this.#file(view), this.#format))?.rows === rowsOf(recipe, dataset);
    if (whole) this.#ready.add(view);
    return whole;
  }

  #placesIn(view: number): Uint32Array {
    if (this.#places?.view === view) return this.#places.of;
    const of = new Uint32Array(this.options.dataset.length);
    for (const [place, index] of epochOrder(this.options.views, view).samples.entries()) of[index] = place;
    this.#places = { view, of };
    return of;
  }

  #ordered(): Loader {
    const { views, dataset } = this.options;
    const { batchSize } = views;
    const { size } = views.transform;
    const stepsPerEpoch = Math.floor(epochLength(views) / batchSize);
    return {
      ...{ stepsPerEpoch, batchSize, waited: () => this.#waited },
      close: async () => undefined,
      async *epoch(epoch, fromStep = 0) {
        const order = epochOrder(views, epoch);
        for (let step = fromStep; step < stepsPerEpoch; step++) {
          const seen = Array.from({ length: batchSize }, (_, slot) => viewAt(order, step * batchSize + slot));
          const indices = Int32Array.from(seen, ({ sample }) => sample);
          const numbers = Int32Array.from(seen, ({ view }) => view);
          const labels = indices.map((index) => dataset.label(index));
          yield { step, size, first: 0, images: new Uint8Array(0), labels, indices, views: numbers, count: batchSize };
        }
      },
    };
  }
}

/** `width` of each row's numbers, from `first` on. */
function columns(numbers: Float32Array, rows: number, first: number, width: number): Float32Array {
  const all = numbers.length / rows;
  if (width === all) return numbers;
  const out = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    out.set(numbers.subarray(row * all + first, row * all + first + width), row * width);
  return out;
}
