/**
 * The contents of a WebDataset shard: members that share their name up to the first dot are one sample, with its image
 * and its class. Found by a walk over the headers and cached for the next time.
 */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { FileError } from "../../../errors/errors.js";
import type { ByteSource } from "../../../formats/byte-source.js";
import { tarMembers } from "../../../formats/tar.js";
import { writeFileAtomic } from "../../../system/files/atomic-file.js";
import { cacheFolder } from "../../../system/files/cache-folder.js";
import { readJson } from "../../../system/files/json-file.js";
import type { LabelColumn } from "../../dataset/labels.js";
import type { SampleTable } from "../../dataset/sample-table.js";
import { isHiddenMember, ShardSample } from "./sample.js";

/** The samples of one shard, a column each. */
const indexSchema = z.object({
  format: z.literal(2),
  keys: z.array(z.string()),
  /** Null for samples without. */
  labels: z.array(z.string().nullable()),
  offsets: z.array(z.number().int().min(0)),
  lengths: z.array(z.number().int().min(0)),
});
export type ShardIndex = Readonly<z.infer<typeof indexSchema>>;

export function emptyIndex() {
  const keys: string[] = [];
  const labels: (string | null)[] = [];
  const [offsets, lengths]: number[][] = [[], []];
  return { format: 2 as const, keys, labels, offsets, lengths };
}

/** Adds the samples of an archive to a table, and their labels to the column. */
export function addIndexed(
  table: SampleTable,
  labels: LabelColumn,
  path: string,
  index: ShardIndex,
  name = path,
): void {
  table.addFile(path, name);
  for (const [i, key] of index.keys.entries()) {
    table.add(key, index.offsets[i], index.lengths[i]);
    labels.push(index.labels[i] ?? undefined);
  }
}

/** Walks through a shard. Throws FileError if a sample has no image. */
export async function indexShard(source: ByteSource): Promise<ShardIndex> {
  const index = emptyIndex();
  let sample: ShardSample | undefined;
  const seen = new Set<string>();
  const finish = () => {
    const found = sample?.finish();
    if (!sample || !found) return;
    index.keys.push(sample.key);
    index.labels.push(found.label);
    index.offsets.push(found.image.offset);
    index.lengths.push(found.image.length);
  };
  for await (const member of tarMembers(source)) {
    if (isHiddenMember(member.name)) continue;
    const [stem, extension] = splitName(member.name);
    if (stem !== sample?.key) {
      finish();
      sample = new ShardSample(source, stem, seen.has(stem));
      seen.add(stem);
    }
    await sample.add(member, extension);
  }
  finish();
  if (index.keys.length === 0) {
    throw new FileError(
      source.name,
      `The shard "${source.name}" holds no samples; it needs an image and a .cls member for each.`,
    );
  }
  return index;
}

/** Name up to the first dot of its last part, and the rest in lower case. */
function splitName(name: string): [stem: string, extension: string] {
  const dot = name.indexOf(".", name.lastIndexOf("/") + 1);
  return dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot + 1).toLowerCase()];
}

/** The cached index for `identity` (values that must not change for the index to remain valid), else a new one. */
export async function cachedIndex(identity: readonly unknown[], make: () => Promise<ShardIndex>): Promise<ShardIndex> {
  const name = createHash("sha256").update(JSON.stringify(identity)).digest("hex");
  const path = join(cacheFolder(), "shards", `${name}.json`);
  const known = await readIndex(path);
  if (known) return known;
  const index = await make();
  // A cache that cannot be written only costs time.
  await mkdir(dirname(path), { recursive: true })
    .then(() => writeFileAtomic(path, JSON.stringify(index)))
    .catch(() => undefined);
  return index;
}

/** Bytes of an index of some million samples. */
const largest = 400 * 2 ** 20;

async function readIndex(path: string): Promise<ShardIndex | undefined> {
  try {
    return indexSchema.parse(await readJson(path, largest, { items: 20_000_000 }));
  } catch {
    return undefined;
  }
}
