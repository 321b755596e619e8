/** WebDataset: tar archives ("shards") whose members are images and their classes. */

import { basename, dirname } from "node:path";
import { FileError, UnlabelledPartError, UsageError } from "../../../errors/errors.js";
import { quoted } from "../../../errors/quoted.js";
import { fileSource, windowed } from "../../../formats/byte-source.js";
import { withFile } from "../../../system/files/read-range.js";
import { expandBraces } from "../../dataset/braces.js";
import { type Dataset, type OpenOptions, withNotes } from "../../dataset/dataset.js";
import { LabelKinds, missingFileNotes } from "../../dataset/file-set.js";
import { filesNamed, readOwnClasses } from "../../dataset/files.js";
import { classNotes, LabelColumn } from "../../dataset/labels.js";
import { reported } from "../../dataset/opening.js";
import { filesOfPart } from "../../dataset/parts.js";
import type { Place } from "../../dataset/place.js";
import { SampleTable, tableDataset } from "../../dataset/sample-table.js";
import { isUrl, type Shard, type ShardOptions, shardAt } from "./shards.js";
import { ShardStore, type StoredShard, type StoreOptions } from "./store.js";
import { addIndexed, cachedIndex, indexShard, type ShardIndex } from "./tar-index.js";

const shardName = /\.(tar|tar\.gz|tgz)$/i;

/** Whether a path or URL is that of a shard, ignoring a URL's query. */
export const isShardName = (name: string): boolean => shardName.test(isUrl(name) ? name.split(/[?#]/)[0] : name);

/** Whether a folder contains shards. A compressed archive next to folders is more likely where these came from. */
export const hasShards = ({ files, folders }: Place): boolean =>
  files.some((name) => /\.tar$/i.test(name)) || (folders.length === 0 && files.some(isShardName));

/**
 * Opens a shard, shards by a brace pattern, or all shards of a folder; with parts if their names denote some. Remote
 * and compressed shards are fetched into the cache one by one when needed.
 */
export async function openWebDataset(
  path: string,
  options: OpenOptions,
  shardOptions: OpenShards = {},
): Promise<Dataset> {
  const { signal } = options;
  const { prefix, names } = await shardsOf(path);
  const part = filesOfPart(path, names, options.split, options.choices);
  const wanted = part.names.map((name) => prefix + name);
  const shards = await mapSome(atOnce.questions, wanted, (name) => shardAt(name, { signal, ...shardOptions }));
  const store = new ShardStore(shards.map(stored), { signal, ...shardOptions });
  const table = new SampleTable();
  const labels = new LabelColumn();
  const ends: number[] = [];
  const what = { doing: "listing shards", total: shards.length + 1, unit: "shards" } as const;
  await reported(options.onProgress, what, async (update) => {
    const indices = await indexAll(shards, store, update);
    requireClasses(path, shards, indices);
    const kinds = new LabelKinds();
    for (const [i, index] of indices.entries()) {
      kinds.add(shards[i].name, index.labels);
      addIndexed(table, labels, shards[i].file, index, shards[i].name);
      ends.push(table.length);
    }
  });
  const own = isUrl(path) ? undefined : await readOwnClasses(dirname(wanted[0]));
  const found = labels.resolve(path, { wanted: options.classes, own });
  const dataset = withNotes(tableDataset(basename(path), table, found), [
    ...part.notes,
    // Those of a pattern are named one by one.
    ...(isShardName(path) ? [] : missingFileNotes(path, part.names)),
    ...classNotes(found, options.classes),
  ]);
  if (shards.every(({ make }) => make === undefined)) return dataset;
  const pieces = {
    of: (index: number) => firstAbove(ends, index),
    hold: (wanted: readonly number[]) => store.hold(wanted),
    foresee: (wanted: readonly number[]) => store.foresee(wanted),
  };
  return { ...dataset, pieces };
}

/** Checks that every sample has a class; if none has one, the part is unlabelled. */
function requireClasses(path: string, shards: readonly Shard[], indices: readonly ShardIndex[]): void {
  const lacking = indices.findIndex(({ labels }) => labels.includes(null));
  if (lacking < 0) return;
  const { keys, labels } = indices[lacking];
  const none = indices.every(({ labels }) => labels.every((label) => label === null));
  const key = keys[labels.indexOf(null)];
  const sentence = `The sample ${quoted(key)} in "${shards[lacking].name}" has no class (a member .cls, .json with a label, or .txt)`;
  if (!none) throw new FileError(path, `${sentence}.`);
  const way = key.includes("/") ? " If its folders are the classes, unpack the archive and give the folder." : "";
  throw new UnlabelledPartError(path, `${sentence}, nor has any other.${way}`);
}

type OpenShards = Pick<ShardOptions, "pause"> & Pick<StoreOptions, "budget" | "fresh">;

const stored = ({ name, file, make }: Shard): StoredShard => ({ name, file, make: make ?? (async () => undefined) });

/** Names of the shards, and their common prefix: only the names within this dataset determine its parts. */
async function shardsOf(path: string): Promise<{ prefix: string; names: string[] }> {
  if (isShardName(path)) {
    const prefix = path.slice(0, path.split(/[{?#]/)[0].lastIndexOf("/") + 1);
    return { prefix, names: expandBraces(path).map((name) => name.slice(prefix.length)) };
  }
  if (isUrl(path))
    throw new UsageError(
      `"${path}" names no shard; write the address of one, or of many as https://host/train-{000..146}.tar.`,
    );
  const names = await filesNamed(path, shardName);
  if (names.length === 0) throw new FileError(path, `"${path}" holds no shards; their names must end in .tar.`);
  return { prefix: `${path}/`, names };
}

/** Concurrent calls: requests to a server, and whole shards. */
const atOnce = { questions: 8, shards: 2 };

/** Maps with a few concurrent calls; results are in the order of the items. */
async function mapSome<T, R>(most: number, items: readonly T[], map: (item: T, i: number) => Promise<R>): Promise<R[]> {
  const found: R[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < items.length; i = next++) found[i] = await map(items[i], i);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, work));
  return found;
}

/** Walking through archives below this size is as fast as reading their index. */
const worthKeeping = 16 * 2 ** 20;

/** The indices of all shards. A new shard is fetched for this. */
async function indexAll(
  shards: readonly Shard[],
  store: ShardStore,
  update: (done: number) => void,
): Promise<ShardIndex[]> {
  let done = 0;
  const indexed = async ({ name, identity, file, size = worthKeeping, make }: Shard, i: number) => {
    const walk = async () => {
      const release = await store.hold([i]);
      try {
        return await withFile(file, async (handle) =>
          indexShard(windowed(await fileSource(file, handle, name), 1 << 16)),
        );
      } finally {
        release();
      }
    };
    const index = make === undefined && size < worthKeeping ? await walk() : await cachedIndex(identity, walk);
    update(++done);
    return index;
  };
  return mapSome(atOnce.shards, shards, indexed);
}

/** The first index in an ascending list whose value is above `n`. */
function firstAbove(values: readonly number[], n: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] > n) high = middle;
    else low = middle + 1;
  }
  return low;
}
