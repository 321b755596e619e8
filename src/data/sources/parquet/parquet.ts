/** Parquet files of images as written by the Hugging Face datasets library; unpacked into the cache at first use. */
import { createHash } from "node:crypto";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { FileError, UnlabelledPartError, UsageError } from "../../../errors/errors.js";
import { fileError } from "../../../errors/file-error.js";
import { quoted } from "../../../errors/quoted.js";
import { requireFreeSpace, writeFileAtomic } from "../../../system/files/atomic-file.js";
import { cacheFolder } from "../../../system/files/cache-folder.js";
import { readJson } from "../../../system/files/json-file.js";
import { withFile } from "../../../system/files/read-range.js";
import { JobEnded, runGuarded } from "../../../system/threads/guarded-job.js";
import { workerUrl } from "../../../system/threads/worker-url.js";
import { type Choices, type Dataset, type OpenOptions, withNotes } from "../../dataset/dataset.js";
import { LabelKinds, missingFileNotes } from "../../dataset/file-set.js";
import { filesBelow } from "../../dataset/files.js";
import { classNotes, LabelColumn } from "../../dataset/labels.js";
import { filesOfPart, listed, partNaming, requireUndivided } from "../../dataset/parts.js";
import { SampleTable, tableDataset } from "../../dataset/sample-table.js";
import type { ParquetJob, ParquetResult, UnpackedParquet } from "./unpack.js";

/** Names of Parquet files. */
const parquetName = /\.parquet$/i;

export const isParquetName = (name: string): boolean => parquetName.test(name);

/** Opens a file or all files below a folder; parts by the names of files or folders. */
export async function openParquet(path: string, options: OpenOptions): Promise<Dataset> {
  const info = await stat(path).catch((error) => {
    throw fileError(path, "read", error);
  });
  if (!info.isDirectory()) {
    requireUndivided(path, options.split);
    return parquetDataset(path, [path], options);
  }
  const names = await filesBelow(path, parquetName);
  if (names.length === 0) throw new FileError(path, `"${path}" holds no .parquet files.`);
  requireOneConfiguration(path, names, options.choices);
  const wanted = filesOfPart(path, names, options.split, options.choices);
  const dataset = await parquetDataset(
    path,
    wanted.names.map((name) => join(path, name)),
    options,
  );
  return withNotes(dataset, [...wanted.notes, ...missingFileNotes(path, wanted.names)]);
}

/**
 * The hub's own layout is CONFIGURATION/PART/0000.parquet, or CONFIGURATION/PART-0000.parquet, where each configuration
 * is the whole data in a different form.
 */
export function requireOneConfiguration(path: string, names: readonly string[], choices?: Choices): void {
  const naming = partNaming(choices);
  const configurations = new Map<string, Set<string>>();
  for (const name of names) {
    const words = name.split(/[\\/]/);
    const at = words.findIndex((word) => naming(word) !== undefined);
    if (at <= 0) continue;
    const configuration = words.slice(0, at).join("/");
    const parts = configurations.get(configuration) ?? new Set();
    configurations.set(configuration, parts.add(naming(words[at])!));
  }
  const parts = [...configurations.values()].flatMap((parts) => [...parts]);
  // A folder with the training part and one with the test part are no configurations.
  if (new Set(parts).size === parts.length) return;
  const several = [...configurations.keys()];
  throw new FileError(
    path,
    `"${path}" has several configurations, each with parts of its own: ${listed(several)}. Give the folder of one of them alone, as "${several[0]}".`,
  );
}

/** The samples of these files, in their order; each is fetched when needed. */
export async function parquetDataset(
  name: string,
  files: Iterable<string> | AsyncIterable<string>,
  options: OpenOptions,
): Promise<Dataset> {
  const table = new SampleTable();
  const labels = new LabelColumn();
  const kinds = new LabelKinds();
  const notes = new Set<string>();
  let own: readonly string[] | undefined;
  for await (const file of files) {
    const { unpacked, images } = await unpackedFile(file, options);
    own ??= unpacked.classes;
    if (unpacked.classes !== undefined && unpacked.classes.join("\0") !== own?.join("\0"))
      throw new FileError(file, `"${file}" names different classes, or a different order, than the files before it.`);
    for (const note of unpacked.notes) notes.add(note);
    kinds.add(file, unpacked.labels);
    requireUndividedRows(file, unpacked.parts, options.choices);
    table.addFile(images, file);
    for (const [i, label] of unpacked.labels.entries()) {
      table.add(`row ${i}`, unpacked.offsets[i], unpacked.lengths[i]);
      labels.push(label ?? undefined);
    }
  }
  const found = labels.resolve(name, { wanted: options.classes, own });
  const said = [...[...notes].map((note) => `"${name}" ${note}`), ...classNotes(found, options.classes)];
  const dataset = withNotes(tableDataset(basename(name), table, found), said);
  return { ...dataset, key: (i) => `${basename(table.fileName(i))} ${table.key(i)}` };
}

/** The part of rows is given by the name of their file or folder; a column of parts must not be ignored silently. */
function requireUndividedRows(file: string, parts: string | undefined, choices: Choices = {}): void {
  const { split } = choices;
  const ways =
    "write a file for each part (train.parquet, test.parquet), or take all rows with parquet,split=none:PATH";
  if (split !== undefined && split !== "none")
    throw new UsageError(`The rows of Parquet files are not divided by a column, as split=${split} says; ${ways}.`);
  const naming = partNaming(choices);
  const named = [file, dirname(file)].some((path) => naming(basename(path)) !== undefined);
  if (parts !== undefined && split === undefined && !named)
    throw new FileError(
      file,
      `The Parquet file "${file}" has a column ${quoted(parts)}, by which its rows are not divided here; ${ways}.`,
    );
}

const schema = z.object({
  format: z.literal(3),
  parts: z.string().optional(),
  classes: z.array(z.string()).optional(),
  labels: z.array(z.string().nullable()),
  notes: z.array(z.string()),
  offsets: z.array(z.number().int().min(0)),
  lengths: z.array(z.number().int().min(0)),
});

/** The images of a file in the cache, unpacked if they are missing or the file has changed. */
async function unpackedFile(
  path: string,
  { signal, choices: { image, label } = {} }: OpenOptions,
): Promise<{ unpacked: UnpackedParquet; images: string }> {
  const { size, mtimeMs } = await withFile(path, (file) => file.stat());
  const name = createHash("sha256")
    .update(JSON.stringify([resolve(path), size, mtimeMs, image, label]))
    .digest("hex");
  const folder = join(cacheFolder(), "parquet");
  const images = join(folder, `${name}.images`);
  const index = join(folder, `${name}.json`);
  const known = await readIndex(index, images);
  if (known) return { unpacked: known, images };
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw fileError(folder, "create the cache", error);
  });
  await requireFreeSpace(folder, size, `the images of "${path}"`);
  const target = `${images}.${process.pid}.tmp`;
  try {
    const result = await runGuarded<ParquetJob, ParquetResult>(
      workerUrl("data/sources/parquet/worker"),
      { path, target, image, label },
      // A page takes at most a second; anything slower is due to a slow disk and a large file.
      { heapMiB: 512, idleMilliseconds: Math.min(60_000, 8000 + size / 2 ** 13), signal },
    );
    // The other files of its part are not even searched.
    if (result.kind === "unlabelled") throw new UnlabelledPartError(path, `"${path}" ${result.reason}.`);
    if (result.kind === "refused") throw new FileError(path, `The Parquet file "${path}" ${result.reason}.`);
    await rename(target, images);
    await writeFileAtomic(index, JSON.stringify({ format: 3, ...result.unpacked }));
    return { unpacked: result.unpacked, images };
  } catch (error) {
    await rm(target, { force: true }).catch(() => undefined);
    if (!(error instanceof JobEnded)) throw fileError(path, "unpack", error);
    throw new FileError(path, `The Parquet file "${path}" ${error.message}; get the file again.`, { cause: error });
  }
}

/** Maximum bytes of an index: some million samples. */
const largestIndex = 400 * 2 ** 20;

/** What was unpacked before, if it is complete. */
async function readIndex(index: string, images: string): Promise<UnpackedParquet | undefined> {
  try {
    const unpacked = schema.parse(await readJson(index, largestIndex, { items: 20_000_000 }));
    const end = unpacked.lengths.reduce((a, b) => a + b, 0);
    return (await stat(images)).size === end ? unpacked : undefined;
  } catch {
    return undefined;
  }
}
