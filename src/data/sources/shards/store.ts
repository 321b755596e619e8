/**
 * Shards that are not local: fetched (or unpacked) whole into the cache when needed, and removed again, the least
 * recently used first, when together they exceed their share of the disk.
 */
import { mkdir, readdir, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError, UsageError } from "../../../errors/errors.js";
import { fileError } from "../../../errors/file-error.js";
import { requireFreeSpace } from "../../../system/files/atomic-file.js";
import { cacheFolder } from "../../../system/files/cache-folder.js";
import { waitForLock } from "../../../system/files/lock-file.js";

/** Called with the current bytes of a shard being fetched; throws FileError if there is not enough space. */
export type Admit = (bytes: number) => Promise<void>;

export interface StoredShard {
  /** Its path or address, for messages. */
  readonly name: string;
  /** Path of the local file. */
  readonly file: string;
  /** Creates the file, completely or not at all. */
  make(signal: AbortSignal | undefined, admit: Admit): Promise<void>;
}

export interface StoreOptions {
  /** Maximum bytes of shards in the cache, also for a single one. */
  readonly budget?: number;
  /** Shards used within this many milliseconds are kept, since another process may be reading them. */
  readonly fresh?: number;
  readonly signal?: AbortSignal;
}

export const shardFolder = (): string => join(cacheFolder(), "shards");

/** Bytes that a growing shard leaves free on the disk. */
const spare = 2 ** 26;

const asGiB = (bytes: number): number => Number((bytes / 2 ** 30).toPrecision(3));

/** Number of shards fetched in advance at the same time. */
const atOnce = 2;

export class ShardStore {
  readonly #holds = new Map<string, number>();
  readonly #making = new Map<number, Promise<void>>();
  #foreseen: readonly number[] = [];

  constructor(
    readonly shards: readonly StoredShard[],
    readonly options: StoreOptions = {},
  ) {}

  /** Fetches these shards, and keeps them until the returned function is called. */
  async hold(wanted: readonly number[]): Promise<() => void> {
    const files = wanted.map((i) => this.shards[i].file);
    for (const file of files) this.#holds.set(file, (this.#holds.get(file) ?? 0) + 1);
    const release = () => {
      for (const file of files) this.#holds.set(file, this.#holds.get(file)! - 1);
    };
    try {
      for (const i of wanted) await this.#bring(i);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Starts to fetch these, a few at a time. Errors are reported when they are held. */
  foresee(wanted: readonly number[]): void {
    this.#foreseen = wanted;
    this.#begin();
  }

  #begin(): void {
    const next = this.#foreseen.find((i) => !this.#making.has(i));
    if (next === undefined || this.#making.size >= atOnce) return;
    this.#foreseen = this.#foreseen.slice(this.#foreseen.indexOf(next) + 1);
    this.#bring(next).then(
      () => this.#begin(),
      () => undefined,
    );
    this.#begin();
  }

  #bring(i: number): Promise<void> {
    const known = this.#making.get(i);
    if (known) return known;
    const made = this.#make(this.shards[i]).finally(() => this.#making.delete(i));
    this.#making.set(i, made);
    return made;
  }

  /** Creates the file, unless it exists or another process is creating it. */
  async #make({ name, file, make }: StoredShard): Promise<void> {
    const { signal } = this.options;
    const now = new Date();
    await mkdir(dirname(file), { recursive: true }).catch((error) => {
      throw fileError(dirname(file), "create the cache", error);
    });
    while (!(await utimes(file, now, now).then(...succeeds))) {
      signal?.throwIfAborted();
      const lock = await waitForLock(`${file}.lock`, { signal });
      try {
        if (await stat(file).then(...succeeds)) continue;
        await this.#makeRoom();
        await make(signal, this.#bound(name, dirname(file)));
      } finally {
        await lock.release();
      }
    }
  }

  /** Checks a growing shard against the budget, and against the disk, which others fill too. */
  #bound(name: string, folder: string): Admit {
    const { budget = budgetOf(process.env) } = this.options;
    let sure = spare;
    return async (bytes) => {
      if (bytes > budget)
        throw new FileError(
          name,
          `The shard "${name}" takes more than ${asGiB(budget)} GiB, the limit for cached shards; raise DEIT_SHARD_CACHE (in GiB) if that is expected.`,
        );
      if (bytes < sure) return;
      await requireFreeSpace(folder, spare, `the shard "${name}"`);
      sure = bytes + spare / 2;
    };
  }

  /** Removes unused shards of any dataset, and their leftovers, until the rest is within the budget. */
  async #makeRoom(): Promise<void> {
    const { budget = budgetOf(process.env), fresh = 300_000 } = this.options;
    const folder = shardFolder();
    const making = [...this.#making.keys()].map((i) => basename(this.shards[i].file));
    const names = (await readdir(folder).catch(() => [])).filter(
      (name) => /\.(tar|gz|part|tmp)$/.test(name) && !making.some((file) => name.includes(file)),
    );
    const files = [];
    for (const path of names.map((name) => join(folder, name))) {
      const info = await stat(path).catch(() => undefined);
      if (info) files.push({ path, size: info.size, used: info.mtimeMs });
    }
    let total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size, used } of files.sort((a, b) => a.used - b.used)) {
      if (total <= budget) return;
      if ((this.#holds.get(path) ?? 0) > 0 || Date.now() - used < fresh) continue;
      await rm(path, { force: true });
      total -= size;
    }
  }
}

const succeeds = [() => true, () => false] as const;

/** `DEIT_SHARD_CACHE`, in GiB. */
function budgetOf({ DEIT_SHARD_CACHE: text = "64" }: NodeJS.ProcessEnv): number {
  const size = Number(text);
  if (size > 0) return size * 2 ** 30;
  throw new UsageError(`DEIT_SHARD_CACHE is "${text}", but must be a number of GiB, such as 64.`);
}
