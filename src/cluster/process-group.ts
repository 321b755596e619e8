/** Processes that train together, as code above the network sees them. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Processes that train together, and how they exchange values. */
export interface ProcessGroup {
  /** This process's index, from 0; the first one writes files and logs. */
  readonly index: number;
  /** Number of processes. */
  readonly count: number;
  /**
   * Every process contributes a value and gets those of all, by index. All must make the same calls in the same order;
   * `name` is for messages. Rejects if the group has broken up.
   */
  gather<T extends Json>(name: string, value: T): Promise<T[]>;
}

/** One process that trains by itself. */
export const alone: ProcessGroup = {
  index: 0,
  count: 1,
  gather: async (_, value) => [value],
};

/** Whether this is the first process, which writes for all. */
export const leads = ({ index }: ProcessGroup): boolean => index === 0;

/** A store of small values that all processes share, as PJRT's key-value callbacks require it. */
export interface KeyValueStore {
  /** Stores a value under a key, for all processes. */
  put(key: string, value: Uint8Array): Promise<void>;
  /** Waits until a process has put a value; undefined after the timeout. */
  get(key: string, timeoutMs: number): Promise<Uint8Array | undefined>;
}
