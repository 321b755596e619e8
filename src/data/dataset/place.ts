/** What is at a path, as far as needed to recognise a format. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError } from "../../errors/file-error.js";
import { forEachEntry } from "../../system/files/folder-entries.js";
import { rawPath } from "../../system/files/raw-path.js";

export interface Place {
  readonly path: string;
  readonly kind: "file" | "folder";
  /** The first names in the folder, without hidden ones; empty for a file. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** Maximum entries of a folder that are examined; formats are recognised by a few files, while samples are many. */
const mostEntries = 10_000;

export async function lookAt(path: string): Promise<Place> {
  const info = await stat(rawPath(path)).catch((error) => {
    throw fileError(path, "read the data in", error);
  });
  if (!info.isDirectory()) return { path, kind: "file", files: [], folders: [] };
  const files: string[] = [];
  const folders: string[] = [];
  await forEachEntry(path, async (name, entry) => {
    const target = entry.isSymbolicLink() ? await stat(rawPath(join(path, name))).catch(() => undefined) : entry;
    (target?.isDirectory() ? folders : files).push(name);
    return files.length + folders.length < mostEntries ? undefined : false;
  }).catch((error) => {
    throw fileError(path, "list the folder", error);
  });
  return { path, kind: "folder", files: files.sort(), folders: folders.sort() };
}

/** Whether a name in the folder matches. */
export const hasFile = ({ files }: Place, wanted: RegExp): boolean => files.some((name) => wanted.test(name));
