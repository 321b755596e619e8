/** Reads samples before their turn, so that waits for slow storage overlap. */
import { readsAreSlow } from "../../system/files/read-at-once.js";
import { threadPoolSize } from "../../system/threads/thread-pool-size.js";
import type { SampleSource } from "../dataset/dataset.js";
import { readSource } from "../view/read-source.js";

type Memory = (bytes: number) => Uint8Array;
type Found = Awaited<ReturnType<typeof readSource>>;

/** A sample that is read when there is room for it. */
export interface Reading {
  /** What was read. Call `done` when it is no longer needed: its memory is then used for another. */
  readonly found: Promise<Found>;
  done(): void;
}

/** Samples that are held while reads are fast, when reading ahead gains little. */
const usual = 5;
/** Samples that are held while each read waits for 20 ms or so: a thread makes hundreds of views in a second. */
const most = 32;
/** Bytes that may be held, but for the fewest. */
const mostBytes = 64 * 2 ** 20;
const fewest = 2;

/** The reads of a thread, in the order in which they were asked for. */
export class ReadAhead {
  readonly #waiting: (() => void)[] = [];
  readonly #free: Memory[] = [];
  #held = 0;
  /** About the largest of the last files, in bytes. */
  #largest = 0;

  add(source: SampleSource): Reading {
    let memory: Memory | undefined;
    const found = new Promise<Found>((resolve) => {
      this.#waiting.push(() => {
        memory = this.#free.pop() ?? scratch();
        resolve(this.#read(source, memory));
      });
    });
    found.catch(() => undefined); // reported when its turn comes
    this.#start();
    return {
      found,
      done: () => {
        if (memory) this.#free.push(memory);
        this.#held--;
        this.#start();
      },
    };
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#held < this.#room()) {
      this.#held++;
      this.#waiting.shift()!();
    }
  }

  #room(): number {
    if (!readsAreSlow()) return usual;
    return Math.max(fewest, Math.min(most, Math.max(usual, threadPoolSize()), Math.floor(mostBytes / this.#largest)));
  }

  async #read(source: SampleSource, memory: Memory): Promise<Found> {
    const found = await readSource(source, memory);
    if ("bytes" in found) this.#largest = Math.max(found.bytes.length, 0.9 * this.#largest);
    return found;
  }
}

/** Memory for one file at a time. */
export function scratch(): Memory {
  let memory = new Uint8Array(0);
  return (bytes) => {
    if (memory.length < bytes) memory = new Uint8Array(bytes);
    return memory.subarray(0, bytes);
  };
}
