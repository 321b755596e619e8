/** Batches of images in their native aspect ratio: each has images of one shape. */
import { DownloadError } from "../../errors/errors.js";
import type { ImageSize } from "../../geometry/image-size.js";
import { nearestSize } from "../../geometry/native-sizes.js";
import type { RandomStream } from "../../random/stream.js";
import type { Dataset } from "../dataset/dataset.js";
import { whileHere } from "../dataset/pieces.js";
import type { Exif } from "../pixels/orientation.js";
import { readSize } from "../view/read-size.js";

/** Views of one shape that are a batch, by their places in the order of an epoch. */
export interface NativeBatch {
  /** Index of the shape. */
  readonly shape: number;
  readonly places: readonly number[];
}

/**
 * Views in their order, by the shape of each, as batches of single shapes: a batch is complete when there are enough of its shape. Those
 * that are over at the end are batches of their own with `pad`. Otherwise they go to the next shape towards the square, which is the first
 * of `shapes`, each followed by the wide and the tall ones, so that there are as many batches as of images of a single shape.
 */
export function nativeBatches(
  shapeOf: (place: number) => number,
  {
    views,
    shapes,
    batchSize,
    pad,
  }: {
    readonly views: number;
    readonly shapes: number;
    readonly batchSize: number;
    readonly pad: boolean;
  },
): readonly NativeBatch[] {
  const batches: NativeBatch[] = [];
  const open = Array.from({ length: shapes }, (): number[] => []);
  const add = (shape: number, place: number) => {
    open[shape].push(place);
    if (open[shape].length === batchSize) batches.push({ shape, places: open[shape].splice(0) });
  };
  for (let place = 0; place < views; place++) add(shapeOf(place), place);
  for (let shape = shapes - 1; shape >= 0; shape--) {
    const over = open[shape].splice(0);
    if (pad && over.length > 0) batches.push({ shape, places: over });
    else if (shape > 0) for (const place of over) add(Math.max(0, shape - 2), place);
  }
  return batches;
}

/** The batches in random order: those of rare shapes would otherwise be the last of each epoch. */
export const shuffledBatches = (batches: readonly NativeBatch[], stream: RandomStream): readonly NativeBatch[] =>
  Array.from(stream.permutation(batches.length), (i) => batches[i]);

/** Files whose first bytes are read at the same time. */
const atOnce = 16;

/**
 * The index of each image's shape among `sizes`, by the headers of the files. An image that cannot be read counts as a square: whoever
 * decodes it reports that.
 */
async function readShapes(dataset: Dataset, sizes: readonly ImageSize[], exif: Exif): Promise<Uint8Array> {
  const shapes = new Uint8Array(dataset.length);
  let next = 0;
  const work = async () => {
    while (next < dataset.length) {
      const index = next++;
      try {
        const size = await whileHere(dataset, [index], () => readSize(dataset.source(index), exif));
        shapes[index] = nearestSize(size, sizes);
      } catch (error) {
        if (error instanceof DownloadError) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, dataset.length) }, work));
  return shapes;
}

/** Shapes of the images of datasets, each read once, however many loaders need them; all for the same sizes. */
export class NativeShapes {
  readonly #read = new Map<Dataset, Promise<Uint8Array>>();

  /**
   * The index among `sizes` of the one whose aspect ratio is nearest to each image's, by the headers of the files, turned as `exif` says.
   * Throws DownloadError for images that cannot be fetched; one that cannot be read counts as a square.
   */
  of(dataset: Dataset, sizes: readonly ImageSize[], exif: Exif): Promise<Uint8Array> {
    const shapes = this.#read.get(dataset) ?? readShapes(dataset, sizes, exif);
    this.#read.set(dataset, shapes);
    return shapes;
  }
}
