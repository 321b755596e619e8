/** Groups of identical or nearly identical images. */
import { fingerprintWords } from "./fingerprint.js";
import { nearPairs } from "./near-pairs.js";

export interface Copies {
  /** Two or more images each, in ascending order. */
  readonly groups: readonly (readonly number[])[];
  /** False if so many images are similar that some pairs were not compared. */
  readonly complete: boolean;
}

export interface CopiesInput {
  readonly length: number;
  /** SHA-256 of an image's bytes or pixels; undefined for one that could not be read. */
  digest(index: number): string | undefined;
  /** Undefined for an image with too little content. */
  fingerprint(index: number): Uint32Array | undefined;
}

/** Finds all copies. Images with equal bytes, or equal in all signs, share one comparison. */
export async function findCopies(
  images: CopiesInput,
  options: { readonly onProgress?: (share: number) => void; readonly signal?: AbortSignal } = {},
): Promise<Copies> {
  const sets = new DisjointSets(images.length);
  const byDigest = new Map<string, number>();
  const byPrint = new Map<string, number>();
  const distinct: number[] = [];
  for (let i = 0; i < images.length; i++) {
    const digest = images.digest(i);
    if (digest === undefined) continue;
    if (joined(sets, byDigest, digest, i)) continue;
    const print = images.fingerprint(i);
    if (print && !joined(sets, byPrint, textOf(print), i)) distinct.push(i);
  }
  const prints = new Uint32Array(distinct.length * fingerprintWords);
  for (const [at, i] of distinct.entries()) prints.set(images.fingerprint(i)!, at * fingerprintWords);
  const complete = await nearPairs(prints, distinct.length, {
    ...options,
    onPair: (a, b) => sets.join(distinct[a], distinct[b]),
    known: (a, b) => sets.joined(distinct[a], distinct[b]),
  });
  return { groups: sets.groups(), complete };
}

/** Joins the image to the first one with the same key; false if it is that first one. */
function joined(sets: DisjointSets, first: Map<string, number>, key: string, index: number): boolean {
  const known = first.get(key);
  if (known === undefined) first.set(key, index);
  else sets.join(known, index);
  return known !== undefined;
}

const textOf = (words: Uint32Array): string =>
  Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString("latin1");

/** Disjoint sets of numbers from 0 (union-find). */
class DisjointSets {
  readonly #parents: Uint32Array;

  constructor(length: number) {
    this.#parents = Uint32Array.from({ length }, (_, i) => i);
  }

  join(a: number, b: number): void {
    const [x, y] = [this.#root(a), this.#root(b)];
    // The smaller number is the root, so that groups are in order.
    this.#parents[Math.max(x, y)] = Math.min(x, y);
  }

  joined(a: number, b: number): boolean {
    return this.#root(a) === this.#root(b);
  }

  /** The sets with two or more members. */
  groups(): number[][] {
    const byRoot = new Map<number, number[]>();
    for (let i = 0; i < this.#parents.length; i++) {
      const root = this.#root(i);
      if (root === i) continue;
      const group = byRoot.get(root);
      if (group) group.push(i);
      else byRoot.set(root, [root, i]);
    }
    return [...byRoot.values()].sort((a, b) => a[0] - b[0]);
  }

  #root(i: number): number {
    const parents = this.#parents;
    let at = i;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]];
      at = parents[at];
    }
    return at;
  }
}
