/** The order of an epoch: which samples it has, how often, and in which order. */
import { RandomStream } from "../../random/stream.js";
import type { Dataset } from "../dataset/dataset.js";
import { streamedOrder } from "../dataset/pieces.js";

/** Which samples an epoch has: `all` once; or as many, but of classes in equal numbers or by the roots of their sizes. */
export type Sampling = "all" | "balanced" | "squareRoot";

/** An epoch's samples in order. */
export interface EpochOrder {
  readonly samples: Uint32Array;
  /** How often each was there before; undefined if none is there twice. */
  readonly earlier?: Uint32Array;
  /** Views of each that follow one another. */
  readonly repeats: number;
}

/** What the number of an epoch's views depends on. */
export interface EpochOptions {
  readonly dataset: Pick<Dataset, "length">;
  /** How often an epoch goes through the samples, 1 or more; a part of a pass is the beginning of one (default: 1). */
  readonly passes?: number;
  /** Views of each sample that follow one another (default: 1). */
  readonly repeats?: number;
}

/** What the order depends on besides the epoch. */
export interface OrderOptions extends EpochOptions {
  readonly dataset: Pick<Dataset, "length" | "label" | "classes" | "pieces">;
  readonly order: "shuffled" | "sequential";
  readonly sampling?: Sampling;
  readonly seed: number;
}

/** Samples of all passes of an epoch. */
const samplesOf = ({ dataset, passes = 1 }: EpochOptions): number => Math.round(passes * dataset.length);

/** Views in an epoch, repeated or not; with repeats, whole multiples of 256 as in the released sampler. */
export function epochLength(options: EpochOptions): number {
  const samples = samplesOf(options);
  return (options.repeats ?? 1) === 1 || samples < 256 ? samples : samples - (samples % 256);
}

/** The order of an epoch, a pure function of its arguments. Each pass has an order of its own. */
export function epochOrder(options: OrderOptions, epoch: number): EpochOrder {
  const { dataset, order, sampling = "all", passes = 1, repeats = 1 } = options;
  const samples = new Uint32Array(samplesOf(options));
  const nextPass = passesOf(options, epoch);
  for (let at = 0; at < samples.length; at += dataset.length)
    samples.set(nextPass().subarray(0, samples.length - at), at);
  const again = passes > 1 || (sampling !== "all" && order === "shuffled");
  return { samples, repeats, ...(again ? { earlier: earlierOf(samples, dataset.length) } : {}) };
}

/** The view at a place of an epoch: its sample, and its number among the views of that sample. */
export function viewAt(
  { samples, earlier, repeats }: EpochOrder,
  place: number,
): { readonly sample: number; readonly view: number } {
  const at = Math.floor(place / repeats);
  return { sample: samples[at], view: (earlier?.[at] ?? 0) * repeats + (place % repeats) };
}

/** The samples of one pass of an epoch after the other. */
function passesOf({ dataset, order, sampling = "all", seed }: OrderOptions, epoch: number): () => Uint32Array {
  const { length, pieces } = dataset;
  if (order === "sequential") return () => Uint32Array.from({ length }, (_, i) => i);
  const shuffle = new RandomStream({ seed, epoch, purpose: "shuffle" });
  if (sampling === "all") return () => (pieces ? streamedOrder(length, pieces, shuffle) : shuffle.permutation(length));
  const draws = new RandomStream({ seed, epoch, purpose: "sampling" });
  return () => {
    const drawn = sampled(dataset, sampling, draws);
    const places = pieces
      ? streamedOrder(length, { of: (i) => pieces.of(drawn[i]) }, shuffle)
      : shuffle.permutation(length);
    return Uint32Array.from(places, (place) => drawn[place]);
  };
}

/** Shares of the classes of these sizes in an epoch; they sum to 1. */
export function classShares(sizes: readonly number[], sampling: Sampling): number[] {
  const weights = sizes.map((n) => (sampling === "all" ? n : sampling === "balanced" ? Math.min(n, 1) : Math.sqrt(n)));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

/**
 * As many samples as the dataset has. Each class has its share, rounded up or down at random; its samples differ in how
 * often they are there by at most one. That has the means of drawing with replacement (PyTorch's WeightedRandomSampler)
 * with less chance in it: no image of a small class is left out.
 */
function sampled(
  { length, label, classes }: OrderOptions["dataset"],
  sampling: Sampling,
  stream: RandomStream,
): Uint32Array {
  const members = classes.map((): number[] => []);
  for (let i = 0; i < length; i++) members[label(i)].push(i);
  const shares = classShares(
    members.map((m) => m.length),
    sampling,
  );
  const drawn = new Uint32Array(length);
  const offset = stream.uniform();
  let [at, sum] = [0, 0];
  for (const [c, samples] of members.entries()) {
    if (samples.length === 0) continue;
    sum += shares[c];
    // One offset for all classes: the counts have the shares as their means and sum to the length.
    const until = Math.min(length, Math.floor(sum * length + offset));
    while (at < until) {
      for (const place of stream.permutation(samples.length)) {
        if (at === until) break;
        drawn[at++] = samples[place];
      }
    }
  }
  // Rounding of the sum may leave the last place open.
  const last = members.findLast((m) => m.length > 0)!;
  while (at < length) drawn[at++] = last[stream.integer(last.length)];
  return drawn;
}

function earlierOf(samples: Uint32Array, length: number): Uint32Array {
  const seen = new Uint32Array(length);
  return Uint32Array.from(samples, (sample) => seen[sample]++);
}
