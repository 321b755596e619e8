/**
 * Streams of random numbers, each a pure function of its purpose. A run draws nothing from shared state, so results do
 * not depend on the number of workers or devices, or on where a run was resumed.
 *
 * Key: 32 bits of the seed and a hash of the purpose. Counter: epoch, sample, view and block, so that a stream has
 * 2³² blocks of four words of its own.
 */
import { philox } from "./philox.js";

/** What a stream is a function of. */
export interface StreamKey {
  /** Seed of the run. */
  readonly seed: number;
  /**
   * What the numbers are for, such as "shuffle", "augment" or a parameter's name; different purposes never share
   * numbers.
   */
  readonly purpose: string;
  /** Epoch that the numbers belong to (default: 0). */
  readonly epoch?: number;
  /** Index of the sample or step that they belong to (default: 0). */
  readonly sample?: number;
  /** Which view of the sample, if it is used several times (repeated augmentation). */
  readonly view?: number;
}

/** FNV-1a over UTF-16 units. */
function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/**
 * An infinite, reproducible sequence of random numbers.
 *
 * @example
 * ```ts
 * import { RandomStream } from "deit";
 *
 * const [one, other] = [0, 0].map((seed) => new RandomStream({ seed, purpose: "noise", epoch: 1, sample: 7 }));
 * console.log(one.uniform() === other.uniform()); // true
 * ```
 */
export class RandomStream {
  readonly #counter: Uint32Array;
  readonly #key: Uint32Array;
  readonly #block = new Uint32Array(4);
  #next = 4;
  #spare: number | undefined;

  constructor({ seed, purpose, epoch = 0, sample = 0, view = 0 }: StreamKey) {
    this.#key = Uint32Array.of(seed >>> 0, hash32(purpose));
    this.#counter = Uint32Array.of(0, view, sample, epoch);
  }

  /** A whole number from 0 to 2³²-1. */
  bits(): number {
    if (this.#next === 4) {
      philox(this.#counter, this.#key, this.#block);
      this.#counter[0]++;
      this.#next = 0;
    }
    return this.#block[this.#next++];
  }

  /** Uniform in [low, high), 53 bits. */
  uniform(low = 0, high = 1): number {
    const u = ((this.bits() >>> 5) * 67108864 + (this.bits() >>> 6)) / 9007199254740992;
    return low + (high - low) * u;
  }

  /** A whole number from 0 to n-1, without bias. */
  integer(n: number): number {
    const limit = 4294967296 - (4294967296 % n);
    let b = this.bits();
    while (b >= limit) b = this.bits();
    return b % n;
  }

  /** Normal, by the Box-Muller transform. */
  normal(mean = 0, std = 1): number {
    if (this.#spare !== undefined) {
      const z = this.#spare;
      this.#spare = undefined;
      return mean + std * z;
    }
    const r = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = r * Math.sin(angle);
    return mean + std * r * Math.cos(angle);
  }

  /** Normal, redrawn while outside [low, high]. */
  truncatedNormal(std: number, low = -2, high = 2): number {
    let z = this.normal(0, std);
    while (z < low || z > high) z = this.normal(0, std);
    return z;
  }

  /** One of the items, each with the same probability. */
  choice<T>(items: readonly T[]): T {
    return items[this.integer(items.length)];
  }

  /** 0 … n-1 in random order (Fisher-Yates shuffle). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const t = order[i];
      order[i] = order[j];
      order[j] = t;
    }
    return order;
  }
}
