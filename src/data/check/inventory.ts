/** What there is to check: the parts of the data with all their contents, and other files among the images. */
import { opendir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { DeitError, FileError, NoSuchPartError, UnlabelledPartError } from "../../errors/errors.js";
import type { Message } from "../../errors/sentence.js";
import { isHidden } from "../../system/files/folder-entries.js";
import { Uint32Column } from "../dataset/columns.js";
import { type Dataset, type OpenOptions, type PartName, partNames } from "../dataset/dataset.js";
import { addImagesBelow, FileList, fileDataset, isImageName, listFolder } from "../dataset/files.js";
import { pictureAt } from "../dataset/left-out.js";
import type { OnOpening } from "../dataset/opening.js";
import { lookAt } from "../dataset/place.js";
import { formatOf } from "../sources/formats.js";
import { openPart } from "../sources/open.js";
import { folderLayout } from "../sources/part-folders.js";
import { nothingToLearn } from "../sources/training-classes.js";

export interface Part {
  /** "train", "validation", "test", or the folder's own name for it. */
  readonly name: string;
  readonly dataset: Dataset;
}

/** Oddities that are not about a sample. */
export type Oddity =
  /** A class folder without images. */
  | { readonly kind: "emptyClass"; readonly path: string }
  /** An image whose name does not have an image's extension, so that no loader reads it. */
  | { readonly kind: "unlisted"; readonly path: string; readonly format: string }
  /** An image of an unsupported format. */
  | { readonly kind: "unread"; readonly path: string; readonly format: string }
  /** A different file among the images. */
  | { readonly kind: "ignored"; readonly path: string }
  /** A folder or part that training would refuse, with its error message. */
  | { readonly kind: "refused"; readonly path: string; readonly message: Message }
  /** A part without labels. */
  | { readonly kind: "unlabelled"; readonly path: string; readonly message: Message }
  /** What training reports about the data before it starts. */
  | { readonly kind: "told"; readonly path: string; readonly message: Message };

export interface Inventory {
  readonly parts: readonly Part[];
  readonly oddities: readonly Oddity[];
}

/** Maximum files other than images that are examined; further ones are not. */
const mostFiles = 100_000;

/**
 * Lists the data at `path`, which may be anything that training accepts. Class folders are listed even if training
 * would refuse them, so that all problems are reported at once.
 */
export async function takeInventory(path: string, onProgress?: OnOpening): Promise<Inventory> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const folders = isFolder ? await partFolders(path) : new Map<PartName, string>();
  const oddities: Oddity[] = [];
  const parts: Part[] = [];
  let failure: unknown;
  for (const split of partNames) {
    const place = folders.get(split);
    const folder = place === undefined ? path : join(path, place);
    try {
      const dataset = await openLike(path, { split, onProgress }, parts[0]?.dataset);
      parts.push({ name: place ?? split, dataset });
    } catch (error) {
      if (!(error instanceof DeitError)) throw error;
      if (error instanceof NoSuchPartError && error.parts.length > 0) continue;
      if (error instanceof NoSuchPartError && split !== "train") break;
      failure ??= error;
      const before = oddities.length;
      const unlabelled = error instanceof UnlabelledPartError;
      const found = isFolder && !unlabelled ? await openClasses(folder, oddities) : undefined;
      if (found) parts.push({ name: place ?? split, dataset: found });
      // The reason that it cannot be opened is either among the oddities by now, or added here.
      if (oddities.length === before)
        oddities.push({ kind: unlabelled ? "unlabelled" : "refused", path: folder, message: error.text });
    }
  }
  if (parts.length === 0 && !oddities.some(({ kind }) => kind === "emptyClass"))
    throw (
      failure ??
      new FileError(path, `"${path}" contains no images; it needs one folder per class, or files named CLASS_….jpg.`)
    );
  const told = [...new Set(parts.flatMap(({ dataset }) => dataset.notes ?? []))];
  for (const message of told) oddities.push({ kind: "told", path, message });
  const complaint =
    parts[0]?.name === (folders.get("train") ?? "train") ? await nothingToLearn(path, parts[0].dataset) : undefined;
  if (complaint !== undefined) oddities.push({ kind: "refused", path, message: complaint });
  if (isFolder && parts.every(({ dataset }) => dataset.source(0).kind === "file"))
    await findStrays(path, oddities, new Set());
  return { parts, oddities };
}

/**
 * A part with its own classes, or with those of the first part if it shares none with them: then its own are not
 * classes.
 */
async function openLike(path: string, options: OpenOptions, first: Dataset | undefined): Promise<Dataset> {
  const dataset = await openPart(path, options);
  if (!first || dataset.classes.some((name) => first.classes.includes(name))) return dataset;
  return openPart(path, { ...options, classes: first.classes });
}

/** Folders of parts. */
async function partFolders(path: string): Promise<ReadonlyMap<PartName, string>> {
  const place = await lookAt(path);
  if ((await formatOf(place)) !== "folders") return new Map();
  const layout = await folderLayout(place);
  return layout.kind === "parts" ? layout.folders : new Map();
}

/** Folders of classes, one by one; undefined if none contains images. */
async function openClasses(path: string, oddities: Oddity[]): Promise<Dataset | undefined> {
  const files = new FileList(path);
  const labels = new Uint32Column();
  const classes: string[] = [];
  for (const folder of (await listFolder(path)).folders) {
    const before = files.length;
    try {
      await addImagesBelow(files, folder);
    } catch (error) {
      if (!(error instanceof DeitError)) throw error;
      oddities.push({ kind: "refused", path: join(path, folder), message: error.text });
    }
    classes.push(folder);
    for (let i = before; i < files.length; i++) labels.push(classes.length - 1);
    if (files.length === before && oddities.at(-1)?.path !== join(path, folder))
      oddities.push({ kind: "emptyClass", path: join(path, folder) });
  }
  return files.length === 0 ? undefined : fileDataset(files, { classes, labels });
}

/** Files in the folders of the data that are not considered images. */
async function findStrays(path: string, oddities: Oddity[], seen: Set<string>): Promise<void> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || seen.has(real) || oddities.length > mostFiles) return;
  seen.add(real);
  const entries = await opendir(path).catch(() => undefined);
  if (!entries) return;
  for await (const entry of entries) {
    const at = join(path, entry.name);
    if (isHidden(entry.name)) continue;
    const info = entry.isSymbolicLink() ? await stat(at).catch(() => undefined) : entry;
    if (info?.isDirectory()) await findStrays(at, oddities, seen);
    else if (info?.isFile() && !isImageName(entry.name)) oddities.push(await strayAt(at));
  }
}

async function strayAt(path: string): Promise<Oddity> {
  const picture = await pictureAt(path);
  if (picture === undefined) return { kind: "ignored", path };
  return { kind: picture.readable ? "unlisted" : "unread", path, format: picture.name };
}
