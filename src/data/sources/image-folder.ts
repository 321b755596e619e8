/** One folder per class, as torchvision's ImageFolder: classes in code-point order of their folders. */
import { join } from "node:path";
import { FileError, UsageError } from "../../errors.js";
import { Uint32Column } from "../columns.js";
import type { Dataset, OpenOptions } from "../dataset.js";
import { classIndices } from "../labels.js";
import { addImagesBelow, FileList, fileDataset, listFolder } from "./files.js";

export async function openImageFolder(path: string, options: OpenOptions): Promise<Dataset> {
  const { folders } = await listFolder(path);
  const classes = options.classes ?? folders;
  const indices = classIndices(classes);
  const files = new FileList(path);
  const labels = new Uint32Column();
  for (const folder of folders) {
    const label = indices.get(folder) ?? classIndex(folder, classes);
    if (label === undefined) {
      throw new UsageError(
        `The folder "${join(path, folder)}" is none of the ${classes.length} classes of the model; remove it or give --classes.`,
      );
    }
    await addImagesBelow(files, folder);
    if (files.length === labels.length) {
      throw new FileError(
        path,
        `The class folder "${join(path, folder)}" holds no images; add some or remove the folder.`,
      );
    }
    while (labels.length < files.length) labels.push(label);
  }
  return fileDataset(files, { classes, labels });
}

/** ImageNet-V2 calls its folders by the index of the class, 0 to 999; undefined where classes have numbers for names. */
function classIndex(folder: string, classes: readonly string[]): number | undefined {
  if (!isIndex(folder) || classes.some(isIndex)) return undefined;
  return Number(folder) < classes.length ? Number(folder) : undefined;
}

/** Whether a folder's name is a whole number, written without leading zeros. */
export const isIndex = (name: string): boolean => /^(0|[1-9]\d{0,5})$/.test(name);
