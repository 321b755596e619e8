/** Training data must have at least two classes with several images, or there is nothing to learn. */
import { join, relative, sep } from "node:path";
import { FileError } from "../../errors/errors.js";
import { quoted } from "../../errors/quoted.js";
import type { Dataset, OpenOptions } from "../dataset/dataset.js";
import { listFolder } from "../dataset/files.js";
import { listed } from "../dataset/parts.js";
import { parseDataPath } from "./data-path.js";
import { listsBeside } from "./flat.js";
import { openDataset } from "./open.js";
import { findData } from "./part-folders.js";

/** Opens the part for training. Throws FileError if nothing can be learnt from its labels. */
export async function openTrainingData(path: string, options: Omit<OpenOptions, "split">): Promise<Dataset> {
  const dataset = await openDataset(path, { ...options, split: "train" });
  const complaint = await nothingToLearn(path, dataset);
  if (complaint !== undefined) throw new FileError(path, complaint);
  return dataset;
}

/**
 * A sentence if all images are of one class, with the folder that was probably meant, or if each has a unique label,
 * such as a caption; undefined otherwise.
 */
export async function nothingToLearn(path: string, dataset: Dataset): Promise<string | undefined> {
  if (dataset.distinct) {
    const [first, second] = [0, 1].map((i) => quoted(dataset.classes[dataset.label(i)]));
    return `The ${dataset.length.toLocaleString("en")} samples of "${path}" each have a label of their own (${first}, ${second}, …), so there are no classes to learn; check which column or part of the name holds the class.`;
  }
  if (dataset.labelsOf) return undefined; // each class is a question of its own
  const first = dataset.label(0);
  for (let i = 1; i < dataset.length; i++) if (dataset.label(i) !== first) return undefined;
  const meant = await meantFolder(path, dataset);
  const lists = meant === undefined ? await listsBeside(parseDataPath(path).path) : [];
  const way =
    meant === undefined
      ? `give a folder with a folder for each class${lists.length > 0 ? `, or the list of the classes if that is what ${listed(lists, 3)} ${lists.length === 1 ? "is" : "are"}` : ""}`
      : `did you mean "${meant.folder}", which holds ${listed(meant.holds)}?`;
  return `All ${dataset.length.toLocaleString("en")} images of "${path}" are of one class, ${quoted(dataset.classes[first])}, so there is nothing to learn; ${way}${meant ? "" : "."}`;
}

interface MeantFolder {
  readonly folder: string;
  readonly holds: readonly string[];
}

/** Maximum depth of nested folders that contain only one folder. */
const deepest = 4;

/**
 * The folder within the only class that contains several folders, as when an archive was unpacked into a folder of its
 * name.
 */
async function meantFolder(path: string, dataset: Dataset): Promise<MeantFolder | undefined> {
  const source = dataset.source(0);
  if (source.kind !== "file") return undefined;
  const root = parseDataPath(path).path;
  const names = relative(root, source.path).split(sep);
  const at = names.indexOf(dataset.classes[dataset.label(0)]);
  if (at < 0) return undefined;
  let folder = join(root, ...names.slice(0, at + 1));
  for (let depth = 0; depth < deepest; depth++) {
    const { folders: all, images } = await listFolder(folder);
    const folders: string[] = [];
    for (const name of all) if ((await findData(join(folder, name))) !== undefined) folders.push(name);
    if (images.length > 0 || folders.length === 0) return undefined;
    if (folders.length > 1) return { folder, holds: folders };
    folder = join(folder, folders[0]);
  }
  return undefined;
}
