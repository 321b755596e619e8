/** What there is to check: the parts of the data with all they hold, and what stands beside the images. */
import { open, opendir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { DeitError, FileError } from "../../errors.js";
import { Uint32Column } from "../columns.js";
import { type Dataset, sameSamples } from "../dataset.js";
import { fileFormat, tellingBytes } from "../file-format.js";
import { formats } from "../formats.js";
import { openDataset } from "../open.js";
import { partNames } from "../parts.js";
import { lookAt } from "../place.js";
import { addImagesBelow, FileList, fileDataset, isImageName, listFolder } from "../sources/files.js";

export interface Part {
  /** "train", "test", or the folder's own word for it. */
  readonly name: string;
  readonly dataset: Dataset;
}

/** What no sample tells. */
export type Oddity =
  /** A class folder without images. */
  | { readonly kind: "emptyClass"; readonly path: string }
  /** An image whose name does not say so: no loader takes it. */
  | { readonly kind: "unlisted"; readonly path: string; readonly format: string }
  /** Another file among the images. */
  | { readonly kind: "ignored"; readonly path: string }
  /** A folder or part that training would refuse, with the sentence it would say. */
  | { readonly kind: "refused"; readonly path: string; readonly message: string };

export interface Inventory {
  readonly parts: readonly Part[];
  readonly oddities: readonly Oddity[];
}

/** Files beside the images that are looked at; of more, the rest is not. */
const mostFiles = 100_000;

/**
 * Lists the data at `path`, which may be anything that training takes. Class folders are listed even where training
 * would refuse them, so that all that is wrong comes out at once.
 */
export async function takeInventory(path: string): Promise<Inventory> {
  const oddities: Oddity[] = [];
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  const folders = isFolder ? await partFolders(path) : [];
  const parts: Part[] = [];
  if (folders.length === 0) parts.push(...(await openWhole(path, isFolder, oddities)));
  for (const name of folders) {
    const dataset = await openPart(join(path, name), oddities);
    if (dataset) parts.push({ name, dataset });
  }
  if (parts.length === 0 && oddities.length === 0)
    throw new FileError(path, `"${path}" holds no images; it needs a folder per class, or files named CLASS_….jpg.`);
  if (isFolder && parts.every(({ dataset }) => dataset.source(0).kind === "file"))
    await findStrays(path, oddities, new Set());
  return { parts, oddities };
}

/** Names of the folders that are parts, those for training first. */
async function partFolders(path: string): Promise<string[]> {
  const place = await lookAt(path);
  const [format] = Object.entries(formats).find(([, f]) => f.recognises(place)) ?? [];
  if (format !== "folders") return [];
  return [...partNames.train, ...partNames.test].filter((name) => place.folders.includes(name));
}

/** Data that is not in folders by part: what it gives for training and, where that differs, for testing. */
async function openWhole(path: string, isFolder: boolean, oddities: Oddity[]): Promise<Part[]> {
  const train = isFolder ? await openPart(path, oddities) : await openDataset(path, { split: "train" });
  if (!train) return [];
  const test = await openDataset(path, { split: "test", classes: train.classes }).catch(() => undefined);
  const same = !test || sameSamples(train, test);
  return [{ name: "train", dataset: train }, ...(same ? [] : [{ name: "test", dataset: test }])];
}

/** The data set of a folder; where it does not open as it is, of those of its classes that do. */
async function openPart(path: string, oddities: Oddity[]): Promise<Dataset | undefined> {
  try {
    return await openDataset(path, { split: "train" });
  } catch (error) {
    if (!(error instanceof DeitError)) throw error;
    const found = await openClasses(path, oddities);
    // What keeps it from opening is either among the oddities by now, or is said here.
    if (!found && oddities.length === 0) throw error;
    return found;
  }
}

/** Folders of classes, one by one; undefined when none holds images. */
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
      oddities.push({ kind: "refused", path: join(path, folder), message: error.message });
    }
    classes.push(folder);
    for (let i = before; i < files.length; i++) labels.push(classes.length - 1);
    if (files.length === before && oddities.at(-1)?.path !== join(path, folder))
      oddities.push({ kind: "emptyClass", path: join(path, folder) });
  }
  return files.length === 0 ? undefined : fileDataset(files, { classes, labels });
}

/** Files in the folders of the data that are taken for no images. */
async function findStrays(path: string, oddities: Oddity[], seen: Set<string>): Promise<void> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined || seen.has(real) || oddities.length > mostFiles) return;
  seen.add(real);
  const entries = await opendir(path).catch(() => undefined);
  if (!entries) return;
  for await (const entry of entries) {
    const at = join(path, entry.name);
    if (entry.name.startsWith(".")) continue;
    const info = entry.isSymbolicLink() ? await stat(at).catch(() => undefined) : entry;
    if (info?.isDirectory()) await findStrays(at, oddities, seen);
    else if (info?.isFile() && !isImageName(entry.name)) {
      const format = await formatOf(at);
      oddities.push(
        format?.readable ? { kind: "unlisted", path: at, format: format.name } : { kind: "ignored", path: at },
      );
    }
  }
}

async function formatOf(path: string): Promise<ReturnType<typeof fileFormat>> {
  const file = await open(path, "r").catch(() => undefined);
  if (!file) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(tellingBytes), 0, tellingBytes, 0);
    return fileFormat(buffer.subarray(0, bytesRead));
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}
