/**
 * Finds similar pairs among many fingerprints. Multi-index hashing (Norouzi, Punjani and Fleet, arXiv 1307.2982): the
 * 256 signs are divided into 16 bands; two fingerprints that differ in 31 signs or fewer differ in at most one sign of
 * some band, so it is enough to compare those that share a band except for one sign. For 100,000 photographs this takes
 * some 400 comparisons each instead of 100,000.
 */
import { InterruptedError } from "../../errors/errors.js";
import { bitCount, copyDistance, distance, fingerprintWords, mirrored } from "./fingerprint.js";

const signWords = fingerprintWords / 2;
const bands = 16;
const bandBits = 16;
const keys = 1 << bandBits;

/** Differing signs up to which the search finds every pair. */
const radius = 2 * bands - 1;

/** If more fingerprints than this share a band, only this many of them are compared with the others. */
const crowd = 1024;

/** Milliseconds after which the thread yields to its other work. */
const turn = 50;

/**
 * A band takes one frequency of each row of the spectrum, each from a different column: neighbouring frequencies are
 * correlated in photographs, and bands of independent bits fill their buckets evenly.
 */
const positions = Array.from({ length: bands }, (_, band) =>
  Array.from({ length: bandBits }, (_, k) => k * 16 + ((band + k * 5) % 16)),
);

export interface NearPairsOptions {
  /** Called for each pair found, `b` before `a`; more than once for some. */
  readonly onPair: (a: number, b: number) => void;
  /** Pairs that need not be compared, such as members of one group. */
  readonly known?: (a: number, b: number) => boolean;
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Finds the pairs whose fingerprints, one of them mirrored or not, are copies of each other. `prints` contains `count`
 * consecutive fingerprints. Returns false if so many were partly alike that not all could be compared.
 */
export async function nearPairs(prints: Uint32Array, count: number, options: NearPairsOptions): Promise<boolean> {
  const { onPair, known, onProgress, signal } = options;
  const own = (i: number) => prints.subarray(i * fingerprintWords, (i + 1) * fingerprintWords);
  const closeEnough = (query: Uint32Array, other: number) => {
    const at = other * fingerprintWords;
    // Two words of eight rule out nearly all unrelated ones.
    let differing = bitCount(query[0] ^ prints[at]) + bitCount(query[1] ^ prints[at + 1]);
    if (differing > radius) return false;
    for (let w = 2; w < signWords; w++) differing += bitCount(query[w] ^ prints[at + w]);
    return differing <= radius && distance(query, prints, at) <= copyDistance;
  };
  let complete = true;
  let resumed = performance.now();
  for (const [b, band] of positions.entries()) {
    const { starts, order } = buckets(prints, count, band);
    for (let i = 0; i < count; i++) {
      for (const query of [own(i), mirrored(own(i))]) {
        const key = keyOf(query, 0, band);
        for (let bit = -1; bit < bandBits; bit++) {
          const bucket = bit < 0 ? key : key ^ (1 << bit);
          const start = starts[bucket];
          let end = starts[bucket + 1];
          if (end - start > crowd) {
            complete = false;
            end = start + crowd;
          }
          // Entries of a bucket are in ascending order.
          for (let e = start; e < end && order[e] < i; e++)
            if (!known?.(i, order[e]) && closeEnough(query, order[e])) onPair(i, order[e]);
        }
      }
      if ((i & 255) === 0 && performance.now() - resumed > turn) {
        onProgress?.((b + i / count) / bands);
        await new Promise((resolve) => setImmediate(resolve));
        if (signal?.aborted) throw new InterruptedError("The search for copies was interrupted.");
        resumed = performance.now();
      }
    }
  }
  return complete;
}

/** Fingerprints sorted by one band: those of key `k` are `order[starts[k]]` to `order[starts[k + 1] - 1]`. */
function buckets(
  prints: Uint32Array,
  count: number,
  band: readonly number[],
): { starts: Uint32Array; order: Uint32Array } {
  const starts = new Uint32Array(keys + 1);
  const keyed = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    keyed[i] = keyOf(prints, i * fingerprintWords, band);
    starts[keyed[i] + 1]++;
  }
  for (let k = 0; k < keys; k++) starts[k + 1] += starts[k];
  const next = starts.slice();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[next[keyed[i]]++] = i;
  return { starts, order };
}

function keyOf(words: Uint32Array, at: number, band: readonly number[]): number {
  let key = 0;
  for (let k = 0; k < bandBits; k++) {
    const position = band[k];
    key |= ((words[at + (position >> 5)] >>> (position & 31)) & 1) << k;
  }
  return key;
}
