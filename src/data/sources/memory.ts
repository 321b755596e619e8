/** A dataset of images in memory. */
import { createHash } from "node:crypto";
import { UsageError } from "../../errors/errors.js";
import type { Dataset } from "../dataset/dataset.js";

/** An image file's content, its label, and its name in messages. */
export interface MemorySample {
  /** An encoded image: JPEG, PNG and the other supported file formats. */
  readonly bytes: Uint8Array | Blob;
  /** Name of its class, or its index in `classes`. */
  readonly label: string | number;
  /** Unique within the dataset (default: its index and content). */
  readonly key?: string;
}

/** Name of a dataset in memory, and its classes. */
export interface MemoryOptions {
  /** Default: "memory". */
  readonly name?: string;
  /** Names of the classes in order (default: those of the labels in alphabetical order). */
  readonly classes?: readonly string[];
}

/**
 * A dataset of images in memory, for `train` and `createLoader`. Bytes are copied to each thread that reads them.
 * Throws UsageError for a label that is not one of the classes, and for a duplicate key.
 *
 * @example
 * ```js
 * import { memoryDataset } from "deit";
 *
 * const pixel = Buffer.from("UDYKMSAxCjI1NQr/AAA=", "base64"); // a portable pixmap of one red pixel
 * const data = memoryDataset([{ bytes: pixel, label: "red" }], { classes: ["blue", "red"] });
 * console.log(data.length, data.label(0));
 * ```
 */
export function memoryDataset(samples: readonly MemorySample[], options: MemoryOptions = {}): Dataset {
  const { name = "memory" } = options;
  for (const [i, sample] of samples.entries())
    if (!(sample?.bytes instanceof Uint8Array || sample?.bytes instanceof Blob))
      throw new UsageError(
        `Image ${i} of "${name}" has no bytes; give { bytes, label } with the content of an image file, a Uint8Array or a Blob (for pixels, use { length, classes, read }).`,
      );
  const classes = options.classes ?? named(samples);
  const places = new Map(classes.map((one, i) => [one, i]));
  const labels = samples.map(({ label }, i) => {
    const place = typeof label === "number" ? label : places.get(label);
    if (place !== undefined && Number.isInteger(place) && place >= 0 && place < classes.length) return place;
    throw new UsageError(
      `The label of image ${i} of "${name}" is ${JSON.stringify(label)}, which is not one of the ${classes.length} classes; give a class name or index.`,
    );
  });
  const keys = samples.map((sample, i) => sample.key ?? keyOf(sample, i));
  const seen = new Set<string>();
  for (const key of keys) {
    if (seen.has(key)) throw new UsageError(`Two images of "${name}" have the key "${key}"; give each its own.`);
    seen.add(key);
  }
  const describe = (index: number) => `${name}[${index}]`;
  return {
    ...{ name, classes, length: samples.length, describe },
    label: (index) => labels[index],
    key: (index) => keys[index],
    source: (index) => ({ kind: "bytes", bytes: samples[index].bytes, name: describe(index) }),
  };
}

function named(samples: readonly MemorySample[]): readonly string[] {
  const names = new Set<string>();
  for (const { label } of samples) {
    if (typeof label === "number")
      throw new UsageError("Numeric labels do not name their classes; name them in order with classes.");
    names.add(label);
  }
  return [...names].sort();
}

/** Includes the content if it is available, so that a resumed run recognises its images. */
function keyOf({ bytes }: MemorySample, index: number): string {
  if (!(bytes instanceof Uint8Array)) return String(index);
  return `${index}-${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`;
}
