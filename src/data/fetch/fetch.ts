/** Downloads a dataset of the catalogue to a folder that is either complete or absent. */
import { copyFile, mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { sentence, setting } from "../../errors/sentence.js";
import { requireFreeSpace } from "../../system/files/atomic-file.js";
import { takeLock } from "../../system/files/lock-file.js";
import { makeFolder } from "../../system/files/make-folder.js";
import { namedProcess } from "../../system/files/process-identity.js";
import { download } from "../../system/net/download.js";
import type { CatalogueEntry, CatalogueFile } from "./catalogue.js";
import { unpackTar } from "./unpack.js";

export interface FetchOptions {
  /** URL of a folder with the same files, instead of their source. */
  readonly mirror?: string;
  /** Keeps the downloaded archives next to the folder. */
  readonly keepArchives?: boolean;
  readonly signal?: AbortSignal;
  /** Bytes so far and, if known, in total. */
  readonly onProgress?: (doing: string, done: number, total: number) => void;
  /** First pause after an interruption, in milliseconds. */
  readonly pause?: number;
}

export type FilesEntry = Extract<CatalogueEntry, { kind: "files" }>;

/**
 * Fetches the files of an entry and unpacks them into `folder`, which must not exist yet. Interrupted downloads are
 * resumed in `<folder>.download`; the folder appears once it is complete.
 */
export async function fetchDataset(entry: FilesEntry, folder: string, options: FetchOptions = {}): Promise<void> {
  const downloads = `${folder}.download`;
  await makeFolder(dirname(folder));
  const lock = await takeLock(`${folder}.lock`, {
    held: (owner) =>
      new FileError(
        folder,
        `${namedProcess(owner)} is fetching "${folder}" already; wait for it, or choose another folder.`,
      ),
  });
  try {
    await fetchAlone(entry, folder, downloads, {
      ...options,
      signal: AbortSignal.any([lock.lost, options.signal].filter((s) => s !== undefined)),
    });
  } finally {
    await lock.release();
  }
}

async function fetchAlone(entry: FilesEntry, folder: string, downloads: string, options: FetchOptions): Promise<void> {
  if (await exists(folder))
    throw new UsageError(sentence`"${folder}" already exists; remove it, or choose another ${setting("output")}.`);
  const unfinished = `${folder}.unfinished`;
  try {
    await mkdir(downloads, { recursive: true });
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
  } catch (error) {
    throw fileError(folder, "create the folder", error);
  }
  try {
    for (const file of entry.files)
      await place(file, await fetched(file, downloads, options), unfinished, entry, options);
    await entry.arrange?.(unfinished);
    await rename(unfinished, folder);
    if (!options.keepArchives) await rm(downloads, { recursive: true, force: true });
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

async function fetched(file: CatalogueFile, folder: string, options: FetchOptions): Promise<string> {
  const { mirror, signal, onProgress, pause } = options;
  const name = basename(new URL(file.url).pathname);
  const target = join(folder, name);
  if (await exists(target)) return target;
  await requireFreeSpace(folder, file.bytes ?? 0, `"${name}"`);
  const url = mirror === undefined ? new URL(file.url) : new URL(name, mirror.endsWith("/") ? mirror : `${mirror}/`);
  await download(url, target, {
    md5: file.md5,
    size: file.bytes,
    atMost: file.atMost,
    signal,
    pause,
    onProgress: (done, total) => onProgress?.(`fetching ${name}`, done, total),
  });
  return target;
}

async function place(
  file: CatalogueFile,
  path: string,
  folder: string,
  entry: FilesEntry,
  { signal, onProgress }: FetchOptions,
): Promise<void> {
  if (!file.unpack) {
    await copyFile(path, join(folder, basename(path))).catch((error) => {
      throw fileError(folder, "write", error);
    });
    return;
  }
  await unpackTar(path, folder, {
    strip: file.unpack.strip,
    limit: entry.unpacked,
    signal,
    onProgress: (bytes) => onProgress?.(`unpacking ${basename(path)}`, bytes, entry.unpacked),
  });
}

/** The default destination of a dataset. */
export const defaultFolder = (name: string): string => join("data", name);

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
