/** Files in one folder whose names begin with their class: `n01440764_tench.JPEG`, `cat_0012.png`. */
import { join } from "node:path";
import { FileError } from "../../errors.js";
import type { Dataset, OpenOptions } from "../dataset.js";
import { LabelColumn } from "../labels.js";
import { FileList, fileDataset, inOrder, listFolder } from "./files.js";

export async function openFlatFolder(path: string, options: OpenOptions): Promise<Dataset> {
  const { images } = await listFolder(path);
  const files = new FileList(path);
  files.addAll("", inOrder(images));
  const found = new LabelColumn();
  for (let i = 0; i < files.length; i++) found.push(prefixOf(path, files.relative(i)));
  return fileDataset(files, found.resolve(path, { wanted: options.classes, numbers: "names" }));
}

function prefixOf(folder: string, name: string): string {
  const at = name.indexOf("_");
  if (at > 0) return name.slice(0, at);
  throw new FileError(
    join(folder, name),
    `"${join(folder, name)}" has no class: put images into a folder per class, or begin their names with CLASS_.`,
  );
}
