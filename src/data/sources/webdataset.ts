/** WebDataset: tar archives ("shards") whose members are images and their classes. */

import { stat } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { FileError } from "../../errors.js";
import { fileError } from "../../system/atomic-file.js";
import { withFile } from "../../system/read-range.js";
import { fileSource, windowed } from "../archive/byte-source.js";
import { SampleTable, tableDataset } from "../archive/sample-table.js";
import { addIndexed, cachedIndex, indexShard, type ShardIndex } from "../archive/shard-index.js";
import { expandBraces } from "../braces.js";
import type { Dataset, OpenOptions } from "../dataset.js";
import { LabelColumn } from "../labels.js";
import { namesOfPart } from "../parts.js";
import { filesNamed, readOwnClasses } from "./files.js";

const shardName = /\.tar$/i;

export const isShardName = (name: string): boolean => shardName.test(name);

/** Opens a shard, shards by a brace pattern, or all shards of a folder; with parts where their names tell some. */
export async function openWebDataset(path: string, options: OpenOptions): Promise<Dataset> {
  const { folder, names } = await shardsOf(path);
  const shards = namesOfPart(path, names, options.split).map((name) => join(folder, name));
  const table = new SampleTable();
  const labels = new LabelColumn();
  for (const shard of shards) addIndexed(table, labels, shard, await localIndex(shard));
  const own = await readOwnClasses(dirname(shards[0]));
  return tableDataset(basename(path), table, labels.resolve(path, { wanted: options.classes, own }));
}

/** Names of the shards, and the folder they are relative to: only names of this data set may tell its parts. */
async function shardsOf(path: string): Promise<{ folder: string; names: string[] }> {
  if (isShardName(path)) {
    const folder = dirname(path.split("{")[0].concat("x"));
    return { folder, names: expandBraces(path).map((name) => relative(folder, name)) };
  }
  const names = await filesNamed(path, shardName);
  if (names.length === 0) throw new FileError(path, `"${path}" holds no shards; their names must end in .tar.`);
  return { folder: path, names };
}

/** Archives below this size are walked through as fast as their index is read. */
const worthKeeping = 16 * 2 ** 20;

async function localIndex(path: string): Promise<ShardIndex> {
  const { size, mtimeMs } = await stat(path).catch((error) => {
    throw fileError(path, "read the shard", error);
  });
  const make = () => withFile(path, async (file) => indexShard(windowed(await fileSource(path, file), 1 << 16)));
  return size < worthKeeping ? make() : cachedIndex([path, size, mtimeMs], make);
}
