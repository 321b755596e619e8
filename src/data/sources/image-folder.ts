/** One folder per class, like torchvision's ImageFolder: classes in code-point order of their folders. */
import { join } from "node:path";
import { FileError, UnlabelledPartError, UsageError } from "../../errors/errors.js";
import { quoted } from "../../errors/quoted.js";
import { sentence } from "../../errors/sentence.js";
import { isIndex } from "../dataset/class-matching.js";
import { Uint32Column } from "../dataset/columns.js";
import type { Dataset, OpenOptions } from "../dataset/dataset.js";
import { addImagesBelow, FileList, fileDataset, listFolder, type Walked } from "../dataset/files.js";
import { classIndices, lookAlikes, looksOf } from "../dataset/labels.js";
import { LeftOut } from "../dataset/left-out.js";
import { listed, requireUndivided, waysOut } from "../dataset/parts.js";

/**
 * Opens the folder. Throws FileError if a class folder is empty, and, unless it is `settled` that folders are classes,
 * if they look like parts of the data.
 */
export async function openImageFolder(path: string, options: OpenOptions, settled = true): Promise<Dataset> {
  requireUndivided(path, options.split);
  const leftOut = new LeftOut();
  const { folders, images: loose } = await listFolder(path, leftOut);
  const classes = options.classes ?? folders;
  const indices = classIndices(classes);
  const files = new FileList(path);
  const labels = new Uint32Column();
  const walks = new Map<string, Walked>();
  const empty: string[] = [];
  for (const folder of folders) {
    const label = indices.get(folder) ?? classIndex(folder, classes);
    if (label === undefined)
      throw folders.length === 1 ? onlyFolder(path, folder, classes) : stranger(path, folder, classes);
    walks.set(folder, await addImagesBelow(files, folder, leftOut));
    if (files.length === labels.length) empty.push(folder);
    while (labels.length < files.length) labels.push(label);
  }
  const sentences = await leftOut.sentences(path);
  const notes = lookAlikes(classes);
  if (empty.length > 0) throw emptyClass(path, empty, folders.length, sentences);
  if (!settled) {
    refuseParts(path, walks);
    refuseDouble(path, walks);
  }
  if (loose.length > 0)
    notes.push(
      `${loose.length.toLocaleString("en")} ${loose.length === 1 ? "image" : "images"} in "${path}" ${loose.length === 1 ? "is" : "are"} left out, such as "${loose.at(0)}": images next to the class folders belong to no class.`,
    );
  return fileDataset(files, { classes, labels }, { notes, leftOut: sentences });
}

/** Unlabelled images are often in a single folder of any name, for programs that require one: `test/images`. */
const onlyFolder = (path: string, folder: string, classes: readonly string[]): UnlabelledPartError =>
  new UnlabelledPartError(
    path,
    `"${path}" holds the folder ${quoted(folder)} alone, which is none of the ${classes.length} classes (${listed(classes, 3)}).`,
  );

function stranger(path: string, folder: string, classes: readonly string[]): UsageError {
  const alike = classes.find((name) => looksOf(name) === looksOf(folder));
  const way = alike === undefined ? "remove it, or give it the name of a class" : `did you mean ${quoted(alike)}?`;
  return new UsageError(
    `The folder "${join(path, folder)}" is none of the ${classes.length} classes (${listed(classes, 3)}); ${way}${alike ? "" : "."}`,
  );
}

function emptyClass(path: string, empty: readonly string[], of: number, notes: readonly string[]): FileError {
  const [first] = empty;
  const others = empty.length > 1 ? ` So do ${empty.length - 1} more of the ${of} folders.` : "";
  return new FileError(
    path,
    [`The class folder "${join(path, first)}" holds no images; add some or remove the folder.${others}`, ...notes].join(
      " ",
    ),
  );
}

/** Folders that contain only folders, with the same names in each, are parts with unknown names. */
function refuseParts(path: string, walks: ReadonlyMap<string, Walked>): void {
  const holders = [...walks].filter(([, { own, inner }]) => own === 0 && inner.length > 1);
  for (const [i, [name, { inner }]] of holders.entries()) {
    const known = new Set(inner);
    for (const [other, { inner: others }] of holders.slice(i + 1)) {
      const shared = others.filter((each) => known.has(each));
      if (shared.length < 2 || 2 * shared.length < Math.min(inner.length, others.length)) continue;
      throw new FileError(
        path,
        sentence`In "${path}", ${listed([name, other])} hold the same folders (${listed(shared, 4)}) and no images of their own, as parts of data do, and classes whose images are sorted further. ${waysOut(path, name)}`,
      );
    }
    // Comparing with a few is enough, since all parts are alike.
    if (i >= 3) return;
  }
}

/** A folder that contains folders of the same names as those beside it holds them again, or in another form. */
function refuseDouble(path: string, walks: ReadonlyMap<string, Walked>): void {
  for (const [name, { own, inner }] of walks) {
    const again = inner.filter((each) => each !== name && walks.has(each));
    if (own > 0 || again.length < 2) continue;
    throw new FileError(
      path,
      `"${join(path, name)}" holds folders of the same names as those beside it (${listed(again, 4)}), as when an archive is unpacked twice, and would be a class of its own. Move it away, or give it alone; if all folders are classes, write folders:${path}.`,
    );
  }
}

/** ImageNet-V2 names its folders by class index, 0 to 999; undefined if the class names are numbers themselves. */
function classIndex(folder: string, classes: readonly string[]): number | undefined {
  if (!isIndex(folder) || classes.some(isIndex)) return undefined;
  return Number(folder) < classes.length ? Number(folder) : undefined;
}
