/** What a coordinator stores for its ranks: values by key, readers waiting for them, and gathers in progress. */
import type { Json } from "./process-group.js";

/** Limit of all keys and values together; a topology of a thousand devices is some hundred kilobytes. */
const mostBytes = 2 ** 30;

export class MeetingPlace {
  readonly #values = new Map<string, string>();
  readonly #waiting = new Map<string, Set<(value: string | undefined) => void>>();
  readonly #gatherings = new Map<
    string,
    { readonly values: Map<number, Json>; readonly done: ((all: Json[]) => void)[] }
  >();
  #bytes = 0;

  constructor(private readonly ranks: number) {}

  put(key: string, value: string): void {
    this.#bytes += key.length + value.length - (this.#values.get(key)?.length ?? -key.length);
    if (this.#bytes > mostBytes) throw new Error("the store of the job is full");
    this.#values.set(key, value);
    for (const ready of this.#waiting.get(key) ?? []) ready(value);
    this.#waiting.delete(key);
  }

  /** The value, as soon as it is available; undefined after `timeoutMs`. */
  get(key: string, timeoutMs: number): Promise<string | undefined> {
    const value = this.#values.get(key);
    if (value !== undefined || timeoutMs === 0) return Promise.resolve(value);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const timer = setTimeout(() => ready(undefined), Math.min(timeoutMs, 2 ** 31 - 1));
      timer.unref();
      const ready = (found: string | undefined) => {
        clearTimeout(timer);
        waiting.delete(ready);
        resolve(found);
      };
      waiting.add(ready);
    });
  }

  /** All values by rank, once the last has arrived. */
  gather(name: string, rank: number, value: Json): Promise<Json[]> {
    const gathering = this.#gatherings.get(name) ?? { values: new Map<number, Json>(), done: [] };
    this.#gatherings.set(name, gathering);
    if (gathering.values.has(rank)) throw new Error(`rank ${rank} came to the gathering "${name}" twice`);
    gathering.values.set(rank, value);
    return new Promise((resolve) => {
      gathering.done.push(resolve);
      if (gathering.values.size < this.ranks) return;
      this.#gatherings.delete(name);
      const all = Array.from({ length: this.ranks }, (_, r) => gathering.values.get(r)!);
      for (const done of gathering.done) done(all);
    });
  }
}
