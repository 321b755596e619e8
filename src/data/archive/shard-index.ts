/**
 * What a WebDataset shard holds: members that share their name up to the first dot are one sample, with its image and
 * its class. Found by a walk over the headers and kept in the cache, for the next time.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { FileError } from "../../errors.js";
import { writeFileAtomic } from "../../system/atomic-file.js";
import { cacheFolder } from "../../system/cache-folder.js";
import { quoted } from "../../system/quoted.js";
import type { LabelColumn } from "../labels.js";
import { isImageName } from "../sources/files.js";
import type { ByteSource } from "./byte-source.js";
import type { SampleTable } from "./sample-table.js";
import { type TarMember, tarMembers } from "./tar.js";

/** The samples of one shard, a column each. */
const indexSchema = z.object({
  format: z.literal(1),
  keys: z.array(z.string()),
  labels: z.array(z.string()),
  offsets: z.array(z.number().int().min(0)),
  lengths: z.array(z.number().int().min(0)),
});
export type ShardIndex = Readonly<z.infer<typeof indexSchema>>;

export function emptyIndex() {
  const [keys, labels]: string[][] = [[], []];
  const [offsets, lengths]: number[][] = [[], []];
  return { format: 1 as const, keys, labels, offsets, lengths };
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
    labels.push(index.labels[i]);
  }
}

/** Largest member that can be a label. */
const longestLabel = 1 << 16;

/** Walks through a shard. Throws FileError when a sample lacks its image or its class. */
export async function indexShard(source: ByteSource): Promise<ShardIndex> {
  const index = emptyIndex();
  let key: string | undefined;
  let image: TarMember | undefined;
  let label: string | undefined;
  const finish = () => {
    if (key === undefined || (!image && label === undefined)) return;
    if (!image || label === undefined) {
      const lack = image ? "class (a member .cls, or .json with a label)" : "image";
      throw new FileError(source.name, `The sample ${quoted(key)} in "${source.name}" has no ${lack}.`);
    }
    index.keys.push(key);
    index.labels.push(label);
    index.offsets.push(image.offset);
    index.lengths.push(image.length);
  };
  for await (const member of tarMembers(source)) {
    const [stem, extension] = splitName(member.name);
    if (stem !== key) {
      finish();
      [key, image, label] = [stem, undefined, undefined];
    }
    if (isImageName(`x.${extension}`)) image ??= member;
    else if (extension === "cls" || extension === "cls.txt" || extension === "json")
      label = (await readLabel(source, member, extension)) ?? label;
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

/** Name up to the first dot of its last part, and what follows in small letters. */
function splitName(name: string): [stem: string, extension: string] {
  const dot = name.indexOf(".", name.lastIndexOf("/") + 2);
  return dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot + 1).toLowerCase()];
}

async function readLabel(source: ByteSource, member: TarMember, extension: string): Promise<string | undefined> {
  const { offset, length, name } = member;
  if (length > longestLabel) {
    if (extension === "json") return undefined; // a description that is more than a label
    throw new FileError(source.name, `${quoted(name)} in "${source.name}" has ${length} bytes, which is no class.`);
  }
  const text = (await source.read(offset, length)).toString("utf8").trim();
  if (extension !== "json") return text;
  try {
    const { label, cls, class_name: className } = JSON.parse(text) as Record<string, unknown>;
    const found = label ?? cls ?? className;
    return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
  } catch {
    throw new FileError(source.name, `${quoted(name)} in "${source.name}" is no JSON.`);
  }
}

/** The index that the cache holds under `identity` (what must not change while the index holds), else a new one. */
export async function cachedIndex(identity: readonly unknown[], make: () => Promise<ShardIndex>): Promise<ShardIndex> {
  const name = createHash("sha256").update(JSON.stringify(identity)).digest("hex");
  const path = join(cacheFolder(), "shards", `${name}.json`);
  const known = await readIndex(path);
  if (known) return known;
  const index = await make();
  // A cache that cannot be written costs time and nothing else.
  await mkdir(dirname(path), { recursive: true })
    .then(() => writeFileAtomic(path, JSON.stringify(index)))
    .catch(() => undefined);
  return index;
}

async function readIndex(path: string): Promise<ShardIndex | undefined> {
  try {
    return indexSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}
