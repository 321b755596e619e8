/** One folder per class, as torchvision's ImageFolder: classes in code-point order of their folders. */
import { join } from "node:path";
import { FileError, UsageError } from "../../errors.js";
import type { Dataset, OpenOptions } from "../dataset.js";
import { fileDataset, imageFilesBelow, isFolder, listFolder } from "./files.js";

const splitNames = { train: ["train", "training"], test: ["test", "val", "valid", "validation"] } as const;

/** Undefined when the folder has no sub-folders, and so is no folder of classes. */
export async function openImageFolder(path: string, options: OpenOptions): Promise<Dataset | undefined> {
  const folders = await foldersIn(path);
  if (folders.length === 0) return undefined;
  const part = splitNames[options.split].find((name) => folders.includes(name));
  const allParts: readonly string[] = [...splitNames.train, ...splitNames.test];
  if (part !== undefined) return openImageFolder(join(path, part), options);
  if (folders.every((f) => allParts.includes(f))) {
    throw new FileError(
      path,
      `"${path}" has the parts ${folders.join(", ")} but none for ${options.split}; add a folder "${options.split}".`,
    );
  }
  const classes = options.classes ?? folders;
  const files: string[] = [];
  const labels: number[] = [];
  for (const folder of folders) {
    const label = classes.indexOf(folder);
    if (label < 0) {
      throw new UsageError(
        `The folder "${join(path, folder)}" is none of the ${classes.length} classes of the model; remove it or give --classes.`,
      );
    }
    const found = await imageFilesBelow(join(path, folder));
    if (found.length === 0) {
      throw new FileError(
        path,
        `The class folder "${join(path, folder)}" holds no images; add some or remove the folder.`,
      );
    }
    for (const file of found) {
      files.push(file);
      labels.push(label);
    }
  }
  return fileDataset(path, classes, files, Uint32Array.from(labels));
}

async function foldersIn(path: string): Promise<string[]> {
  const folders: string[] = [];
  for (const entry of await listFolder(path)) if (await isFolder(path, entry)) folders.push(entry.name);
  return folders;
}
