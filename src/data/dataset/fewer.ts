/** Some of a dataset's images, for training on less: how much does a model learn from a hundred, from a thousand? */
import { UsageError } from "../../errors/errors.js";
import { countsOf } from "./class-balance.js";
import { type Dataset, subset } from "./dataset.js";
import { keyHash } from "./sample-set.js";

/**
 * `count` images in the order of the dataset, with the classes in their proportions and at least one image of each.
 * Chosen by a hash of the samples' names: the same on every machine and for every seed, and all among those of any larger
 * count, as a learning curve needs them. An image of several labels is where it comes first. Throws UsageError for more
 * images than there are, or fewer than classes.
 */
export function fewerImages(dataset: Dataset, count: number): Dataset {
  requireImages(dataset, count);
  const { length, classes, labelsOf = (i: number) => [dataset.label(i)] } = dataset;
  const unlabelled: number[] = [];
  const ofClass = classes.map((): number[] => []);
  for (let i = 0; i < length; i++) {
    const labels = labelsOf(i);
    for (const c of labels) ofClass[c].push(i);
    if (labels.length === 0) unlabelled.push(i);
  }
  const filled = ofClass.filter(({ length }) => length > 0);
  const hashes = Float64Array.from({ length }, (_, i) => keyHash(dataset.key(i)));
  const byHash = (a: number, b: number) => hashes[a] - hashes[b] || a - b;
  // A sample's place within its class, from 0 to 1: samples below any bound are spread over the classes by their sizes.
  const places = new Float64Array(length).fill(1);
  for (const members of [...filled, unlabelled])
    for (const [rank, i] of members.sort(byHash).entries()) {
      const place = rank === 0 && members !== unlabelled ? 0 : (rank + 0.5) / members.length;
      places[i] = Math.min(places[i], place);
    }
  const order = Uint32Array.from({ length }, (_, i) => i).sort((a, b) => places[a] - places[b] || byHash(a, b));
  return subset(dataset, order.slice(0, count).sort());
}

/** Throws UsageError for more images than there are, or fewer than classes. */
export function requireImages(dataset: Dataset, count: number): void {
  const { name, length } = dataset;
  if (count > length)
    throw new UsageError(
      `trainImages is ${count}, and "${name}" has ${length} images to train on; choose at most that many.`,
    );
  const filled = countsOf(dataset).filter((images) => images > 0).length;
  if (count < filled)
    throw new UsageError(
      `trainImages is ${count}, and "${name}" has images of ${filled} classes; choose at least one for each.`,
    );
}
