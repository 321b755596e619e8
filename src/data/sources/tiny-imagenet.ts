/**
 * The validation images of Tiny ImageNet: `images/val_0.JPEG` and the like, and next to that folder a table of their
 * classes. (Its training images are class folders.)
 */
import { join } from "node:path";
import { FileError } from "../../errors/errors.js";
import { linesOf } from "../../system/files/lines.js";
import type { Dataset, OpenOptions } from "../dataset/dataset.js";
import { FileList, fileDataset, inOrder, listFolder } from "../dataset/files.js";
import { LabelColumn } from "../dataset/labels.js";
import { LeftOut } from "../dataset/left-out.js";
import { listed, requireUndivided } from "../dataset/parts.js";
import { hasFile, type Place } from "../dataset/place.js";

const table = "val_annotations.txt";
const imageFolder = "images";

/** Whether a folder contains the table and the images; images sorted into class folders do not need the table. */
export const isTinyImagenet = (place: Place): boolean =>
  hasFile(place, /^val_annotations\.txt$/) && place.folders.length === 1 && place.folders[0] === imageFolder;

/** Opens the folder. Throws FileError if table and images do not match. */
export async function openTinyImagenet(path: string, options: OpenOptions): Promise<Dataset> {
  requireUndivided(path, options.split);
  const synsets = await readTable(join(path, table));
  const leftOut = new LeftOut();
  const files = new FileList(path);
  files.addAll(imageFolder, inOrder((await listFolder(join(path, imageFolder), leftOut)).images));
  const labels = new LabelColumn();
  const lost = new Set(synsets.keys());
  const strange: string[] = [];
  for (let i = 0; i < files.length; i++) {
    const name = files.relative(i).slice(imageFolder.length + 1);
    if (!lost.delete(name)) strange.push(name);
    labels.push(synsets.get(name));
  }
  if (strange.length > 0)
    throw new FileError(path, `"${join(path, table)}" states no class of ${listed(strange)}; get both again.`);
  if (lost.size > 0)
    throw new FileError(
      path,
      `"${join(path, table)}" names images that are not in "${join(path, imageFolder)}": ${listed([...lost])}; get both again.`,
    );
  return fileDataset(files, labels.resolve(path, { wanted: options.classes }), {
    leftOut: await leftOut.sentences(path),
  });
}

/** Lines of a name, a synset and a box: `val_0.JPEG⇥n03444034⇥0⇥32⇥44⇥62`. */
async function readTable(path: string): Promise<ReadonlyMap<string, string>> {
  const synsets = new Map<string, string>();
  let number = 0;
  for await (const line of linesOf(path)) {
    number++;
    if (line.trim() === "") continue;
    const [, name, synset] = /^([^\t]+)\t(n\d{8})(?:\t|\s*$)/.exec(line) ?? [];
    if (synset === undefined)
      throw new FileError(path, `Line ${number} of "${path}" does not begin as val_0.JPEG, a tab and n03444034 do.`);
    synsets.set(name, synset);
  }
  return synsets;
}
