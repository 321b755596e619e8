/** Listing of image files, and the data set that is a list of them. */
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { FileError } from "../../errors.js";
import { fileError } from "../../system/atomic-file.js";
import type { Dataset } from "../dataset.js";

const imageName = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;

export const isImageName = (name: string): boolean => imageName.test(name);

/** Entries of a folder in code-point order, hidden ones left out. */
export async function listFolder(path: string): Promise<Dirent[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error) => {
    throw fileError(path, "list the folder", error);
  });
  return entries
    .filter((e) => !e.name.startsWith("."))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Whether an entry is a folder, also through a link. */
export async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return (await stat(join(parent, entry.name)).catch(() => undefined))?.isDirectory() ?? false;
}

/** All image files below a folder, sub-folders included; a loop of links is walked once. */
export async function imageFilesBelow(path: string, seen = new Set<string>()): Promise<string[]> {
  const real = await realpath(path).catch((error) => {
    throw fileError(path, "read", error);
  });
  if (seen.has(real)) return [];
  seen.add(real);
  const files: string[] = [];
  for (const entry of await listFolder(path)) {
    if (await isFolder(path, entry)) files.push(...(await imageFilesBelow(join(path, entry.name), seen)));
    else if (isImageName(entry.name)) files.push(join(path, entry.name));
  }
  return files;
}

/** A data set of files with labels. */
export function fileDataset(
  folder: string,
  classes: readonly string[],
  files: readonly string[],
  labels: Uint16Array | Uint32Array,
): Dataset {
  if (files.length === 0) {
    throw new FileError(
      folder,
      `"${folder}" holds no images; it needs a folder per class, or files named CLASS_….jpg.`,
    );
  }
  return {
    name: basename(folder),
    classes,
    length: files.length,
    label: (i) => labels[i],
    source: (i) => ({ kind: "file", path: files[i] }),
    describe: (i) => files[i],
  };
}
