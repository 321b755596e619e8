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
}

/** What the order depends on besides the epoch. */
export interface OrderOptions {
  readonly dataset: Pick<Dataset, "length" | "label" | "classes" | "pieces">;
  readonly order: "shuffled" | "sequential";
  readonly sampling?: Sampling;
  readonly seed: number;
}

/** The order of an epoch, a pure function of its arguments. */
export function epochOrder({ dataset, order, sampling = "all", seed }: OrderOptions, epoch: number): EpochOrder {
  const { length, pieces } = dataset;
  if (order === "sequential") return { samples: Uint32Array.from({ length }, (_, i) => i) };
  const shuffle = new RandomStream({ seed, epoch, purpose: "shuffle" });
  if (sampling === "all")
    return { samples: pieces ? streamedOrder(length, pieces, shuffle) : shuffle.permutation(length) };
  const drawn = sampled(dataset, sampling, new RandomStream({ seed, epoch, purpose: "sampling" }));
  const places = pieces
    ? streamedOrder(length, { of: (i) => pieces.of(drawn[i]) }, shuffle)
    : shuffle.permutation(length);
  const samples = Uint32Array.from(places, (place) => drawn[place]);
  return { samples, earlier: earlierOf(samples, length) };
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
