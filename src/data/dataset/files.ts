/** Memory-efficient listing of image files, and datasets of listed files. */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { forEachEntry } from "../../system/files/folder-entries.js";
import { nameOf, rawPath } from "../../system/files/raw-path.js";
import { readText } from "../../system/files/regular-file.js";
import { readableEndings } from "../codec/file-format.js";
import { NameColumn, Uint32Column } from "./columns.js";
import type { Dataset } from "./dataset.js";
import type { Labelled } from "./labels.js";
import type { LeftOut } from "./left-out.js";

/** Names of supported images, by extension. */
export const imageName = new RegExp(`\\.(${readableEndings.join("|")})$`, "i");

export const isImageName = (name: string): boolean => imageName.test(name);

/** Names of archives that have to be unpacked, without the extension. */
export const archiveName = /^(.+)\.(zip|rar|7z|tgz|tar\.(?:gz|bz2|xz|zst))$/i;

/** Contents of a folder, without hidden entries. */
export interface Listing {
  /** Names of the subfolders, including linked ones, in code-point order. */
  readonly folders: readonly string[];
  /** Names of the image files, in the system's order. */
  readonly images: NameColumn;
}

/** Lists a folder, entry by entry; files that are not used as images are added to `leftOut`. */
export async function listFolder(path: string, leftOut?: LeftOut): Promise<Listing> {
  const folders: string[] = [];
  const images = new NameColumn();
  const take = (name: string, isFolder: boolean) => {
    if (isFolder) folders.push(name);
    else if (isImageName(name)) images.push(name);
    else leftOut?.add(path, name);
    return undefined;
  };
  await forEachEntry(path, (name, entry) =>
    entry.isSymbolicLink() ? isFolder(path, name).then((is) => take(name, is)) : take(name, entry.isDirectory()),
  ).catch((error) => {
    throw fileError(path, "list the folder", error);
  });
  const names = NameColumn.of(folders);
  return { folders: [...names.order()].map((i) => folders[i]), images };
}

/** Names of the matching files in a folder, in code-point order. */
export async function filesNamed(path: string, wanted: RegExp): Promise<string[]> {
  const found: string[] = [];
  await forEachEntry(path, (name) => {
    if (wanted.test(name)) found.push(name);
    return undefined;
  }).catch((error) => {
    throw fileError(path, "list the folder", error);
  });
  return [...inOrder(NameColumn.of(found))];
}

/** Maximum depth and number of names in a search for a few large files. */
const searched = { depth: 4, names: 100_000 };

/** Names of the matching files below a folder, relative to it, in code-point order. */
export async function filesBelow(path: string, wanted: RegExp, most = searched.names): Promise<string[]> {
  const found: string[] = [];
  const search = async (folder: string, depth: number): Promise<void> => {
    const inner: string[] = [];
    await forEachEntry(join(path, folder), async (name, entry) => {
      const isInner = entry.isSymbolicLink() ? await isFolder(join(path, folder), name) : entry.isDirectory();
      if (isInner) inner.push(join(folder, name));
      else if (wanted.test(name)) found.push(join(folder, name));
      if (found.length > most) throw new FileError(path, `"${path}" holds more than ${most} files.`);
      return undefined;
    });
    if (depth < searched.depth) for (const name of inner) await search(name, depth + 1);
  };
  await search("", 0).catch((error) => {
    throw fileError(path, "list the folder", error);
  });
  return [...inOrder(NameColumn.of(found))];
}

/** Class names, one per line, in a file `classes.txt` of the folder, if there is one. */
export async function readOwnClasses(folder: string): Promise<string[] | undefined> {
  const path = join(folder, "classes.txt");
  return (await stat(path).catch(() => undefined)) ? readClassFile(path) : undefined;
}

/** Class names from a text file, one per line. */
export async function readClassFile(path: string): Promise<string[]> {
  const text = await readText(path).catch((error) => {
    throw fileError(path, "read the class names in", error);
  });
  const lines = text.split(/\r?\n/).map((l) => l.trim());
  while (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw new FileError(path, `"${path}" names no classes; write one per line.`);
  return lines;
}

/** Whether a link's target is a folder. */
async function isFolder(parent: string, name: string): Promise<boolean> {
  return (await stat(rawPath(join(parent, name))).catch(() => undefined))?.isDirectory() ?? false;
}

/** Many files below one folder: consecutive names, each with its folder. */
export class FileList {
  readonly #folders: string[] = [];
  readonly #folderIds = new Map<string, number>();
  readonly #folderOf = new Uint32Column();
  readonly #names = new NameColumn();

  constructor(readonly root: string) {}

  get length(): number {
    return this.#names.length;
  }

  /** Adds a file by its path, absolute or relative to the root. */
  add(path: string): void {
    this.addAll(dirname(path), [basename(path)]);
  }

  /** Adds files of one folder. */
  addAll(folder: string, names: Iterable<string>): void {
    const id = this.#folderIds.get(folder) ?? this.#folders.push(folder) - 1;
    this.#folderIds.set(folder, id);
    for (const name of names) {
      this.#folderOf.push(id);
      this.#names.push(name);
    }
  }

  /** Path of a file as it was added. */
  relative(i: number): string {
    return join(this.#folders[this.#folderOf.at(i)], this.#names.at(i));
  }

  /** For each file the index of the first with the same path. */
  firstOfSame(): Uint32Array {
    const firsts = new Uint32Array(this.length);
    // An open-addressing hash table of indices, at most half full; 0 means empty, i + 1 a file.
    const mask = 2 ** Math.ceil(Math.log2(2 * this.length + 2)) - 1;
    const table = new Uint32Array(mask + 1);
    for (let i = 0; i < this.length; i++) {
      const folder = this.#folderOf.at(i);
      let at = (this.#names.hash(i) ^ Math.imul(folder, 0x9e3779b1)) & mask;
      const isOther = (j: number) => this.#folderOf.at(j) !== folder || this.#names.compare(i, j) !== 0;
      while (table[at] !== 0 && isOther(table[at] - 1)) at = (at + 1) & mask;
      if (table[at] === 0) table[at] = i + 1;
      firsts[i] = table[at] - 1;
    }
    return firsts;
  }

  path(i: number): string {
    const path = this.relative(i);
    return isAbsolute(path) ? path : join(this.root, path);
  }
}

/** What a walk found in and below a folder. */
export interface Walked {
  /** Number of images in the folder itself. */
  readonly own: number;
  /** Folders below it that contain images, relative to it. */
  readonly inner: readonly string[];
}

/**
 * Adds all image files below `folder` to the list: its own in code-point order, then those of its subfolders. No folder
 * is visited twice, and no link is followed to a folder that contains `folder` or the root, since that has other images
 * too.
 */
export async function addImagesBelow(list: FileList, folder: string, leftOut?: LeftOut): Promise<Walked> {
  const [root, start] = [await realPath(list.root), await realPath(join(list.root, folder))];
  const seen = new Set([...foldersAbove(root), ...foldersAbove(start)]);
  if (folder !== "") seen.add(root);
  const inner: string[] = [];
  let own = 0;
  const walk = async (name: string): Promise<void> => {
    const path = join(list.root, name);
    const real = await realPath(path);
    if (seen.has(real)) return;
    seen.add(real);
    const { folders, images } = await listFolder(path, leftOut);
    list.addAll(name, inOrder(images));
    if (name === folder) own = images.length;
    else if (images.length > 0) inner.push(relative(folder, name));
    for (const each of folders) await walk(join(name, each));
  };
  await walk(folder);
  return { own, inner };
}

async function realPath(path: string): Promise<string> {
  const raw = rawPath(path);
  try {
    return typeof raw === "string" ? await realpath(raw) : nameOf(await realpath(raw, "buffer"));
  } catch (error) {
    throw fileError(path, "read", error);
  }
}

/** All parent folders of a path. */
function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...foldersAbove(above)];
}

/** Names in code-point order. */
export function* inOrder(names: NameColumn): Generator<string, void> {
  for (const i of names.order()) yield names.at(i);
}

/** A dataset of files with labels. */
export function fileDataset(
  files: FileList,
  { classes, labels, distinct }: Labelled,
  said: Pick<Dataset, "notes" | "leftOut"> = {},
): Dataset {
  const { root } = files;
  if (files.length === 0) {
    throw new FileError(
      root,
      `"${root}" contains no images; it needs one folder per class, or files named CLASS_….jpg.`,
    );
  }
  return {
    name: basename(root),
    classes,
    length: files.length,
    label: (i) => labels.at(i),
    source: (i) => ({ kind: "file", path: files.path(i) }),
    describe: (i) => files.path(i),
    key: (i) => files.relative(i).replaceAll(sep, "/"),
    distinct,
    ...said,
  };
}
