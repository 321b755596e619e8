/** Files in one folder whose names begin with their class: `n01440764_tench.JPEG`, `cat_0012.png`. */
import { dirname, join } from "node:path";
import { FileError, UnlabelledPartError } from "../../errors.js";
import type { Dataset, OpenOptions } from "../dataset.js";
import { classIndices, LabelColumn } from "../labels.js";
import { listed, requireUndivided } from "../parts.js";
import { FileList, fileDataset, filesNamed, inOrder, listFolder } from "./files.js";
import { LeftOut } from "./left-out.js";

/** Opens the folder. Throws UnlabelledPartError where the names tell no class, or none of those that are wanted. */
export async function openFlatFolder(path: string, options: OpenOptions): Promise<Dataset> {
  requireUndivided(path, options.split);
  const leftOut = new LeftOut();
  const { images } = await listFolder(path, leftOut);
  const notes = await leftOut.sentences(path);
  const files = new FileList(path);
  files.addAll("", inOrder(images));
  if (files.length === 0)
    throw new FileError(
      path,
      [`"${path}" holds no images; it needs a folder per class, or files named CLASS_….jpg.`, ...notes].join(" "),
    );
  const found = new LabelColumn();
  const known = options.classes && classIndices(options.classes);
  let strangers = 0;
  for (let i = 0; i < files.length; i++) {
    const prefix = prefixOf(files.relative(i));
    if (prefix === undefined || (known && !known.has(prefix))) strangers++;
    if (prefix === undefined && strangers < i + 1) throw noClass(path, files.relative(i), await listsBeside(path));
    found.push(prefix ?? "");
  }
  if (strangers === files.length && (known || prefixOf(files.relative(0)) === undefined))
    throw noClass(path, files.relative(0), await listsBeside(path));
  return fileDataset(files, found.resolve(path, { wanted: options.classes, numbers: "names" }), { leftOut: notes });
}

const prefixOf = (name: string): string | undefined => {
  const at = name.indexOf("_");
  return at > 0 ? name.slice(0, at) : undefined;
};

/** Lists in the folder or the one above, which may tell the classes. */
async function listsBeside(path: string): Promise<string[]> {
  for (const folder of [path, dirname(path)]) {
    const names = await filesNamed(folder, /\.(csv|tsv|jsonl)$/i).catch(() => []);
    if (names.length > 0) return names.map((name) => join(folder, name));
  }
  return [];
}

function noClass(folder: string, name: string, lists: readonly string[]): UnlabelledPartError {
  const list =
    lists.length === 0
      ? ""
      : ` If ${listed(lists, 3)} ${lists.length === 1 ? "tells" : "tell"} the classes, give that as the data.`;
  return new UnlabelledPartError(
    join(folder, name),
    `"${join(folder, name)}" has no class: put images into a folder per class, or begin their names with CLASS_.${list}`,
  );
}
