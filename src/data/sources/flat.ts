/** Files in one folder whose names begin with their class: `n01440764_tench.JPEG`, `cat_0012.png`, `great_dane_3.jpg`, `dog.12.jpg`. */
import { dirname, join } from "node:path";
import { FileError, UnlabelledPartError, UsageError } from "../../errors/errors.js";
import { quoted } from "../../errors/quoted.js";
import type { Dataset, OpenOptions } from "../dataset/dataset.js";
import { archiveName, FileList, fileDataset, filesNamed, inOrder, listFolder } from "../dataset/files.js";
import { classIndices, LabelColumn } from "../dataset/labels.js";
import { LeftOut } from "../dataset/left-out.js";
import { listed, requireUndivided } from "../dataset/parts.js";

/**
 * Opens the folder. Throws UnlabelledPartError if the names contain no class, or none of the wanted ones, or can be
 * read in two ways.
 */
export async function openFlatFolder(path: string, options: OpenOptions): Promise<Dataset> {
  requireUndivided(path, options.split);
  const leftOut = new LeftOut();
  const { images } = await listFolder(path, leftOut);
  const notes = await leftOut.sentences(path);
  const files = new FileList(path);
  files.addAll("", inOrder(images));
  if (files.length === 0) {
    const archives = await filesNamed(path, archiveName);
    const what =
      archives.length === 0
        ? `"${path}" contains no images; it needs one folder per class, or files named CLASS_….jpg.`
        : `"${path}" contains no images, but ${listed(archives, 3)}; unpack ${archives.length === 1 ? "it" : "them"} first.`;
    throw new FileError(path, [what, ...notes].join(" "));
  }
  const { classes: wanted } = options;
  const beginningOf = beginnings[wayOf(path, files, options)];
  const known = wanted && classIndices(wanted);
  const found = new LabelColumn();
  let strangers = 0;
  for (let i = 0; i < files.length; i++) {
    const beginning = beginningOf(files.relative(i));
    if (beginning === undefined || (known && !known.has(beginning))) strangers++;
    if (beginning === undefined && strangers < i + 1) throw noClass(path, files.relative(i), await listsBeside(path));
    found.push(beginning ?? "");
  }
  if (strangers === files.length && (known || beginningOf(files.relative(0)) === undefined))
    throw noClass(path, files.relative(0), await listsBeside(path));
  return fileDataset(files, found.resolve(path, { wanted, numbers: "names" }), { leftOut: notes });
}

/** Where the class ends in a name: at the first underscore, or at the last underscore or dot before only numbers. */
const beginnings = {
  first: (name: string): string | undefined => {
    const at = name.indexOf("_");
    return at > 0 ? name.slice(0, at) : undefined;
  },
  last: (name: string): string | undefined => /^(.+?)([_.]\d+)+\.\w+$/.exec(name)?.[1],
} as const;

type Way = keyof typeof beginnings;

const isWay = (text: string): text is Way => text in beginnings;

/**
 * How names are read: as the user specifies, or in the way that yields wanted classes; either if both yield the same.
 */
function wayOf(path: string, files: FileList, { choices: { label } = {}, classes }: OpenOptions): Way {
  if (label !== undefined) {
    if (isWay(label)) return label;
    throw new UsageError(
      `"${label}" is not a way to read the names in "${path}"; write flat,label=first (the class ends at the first underscore) or flat,label=last (at the last one, or the last dot, before a number).`,
    );
  }
  if (classes === undefined) requireClassNames(path, files);
  /** The first name with each longer prefix, by the shorter prefix. */
  const within = new Map<string, Map<string, string>>();
  let dotted = false;
  for (let i = 0; i < files.length; i++) {
    const name = files.relative(i);
    const [short, long] = [beginnings.first(name), beginnings.last(name)];
    if (long === undefined) return "first";
    if (short === undefined) {
      dotted = true;
      continue;
    }
    const longer = within.get(short) ?? new Map<string, string>();
    within.set(short, longer.set(long, longer.get(long) ?? name));
  }
  // As dog.12.jpg, which has no underscore: a number behind a dot is all that the names have in common.
  if (dotted) return "last";
  if (classes !== undefined) {
    const known = classIndices(classes);
    return [...within.values()].every((longer) => [...longer.keys()].every((long) => known.has(long)))
      ? "last"
      : "first";
  }
  const unclear = [...within].find(([, longer]) => longer.size > 1);
  if (unclear === undefined) return "first";
  const [short, longer] = unclear;
  const [[one, oneName], [other, otherName]] = longer;
  throw new UnlabelledPartError(
    path,
    `The names in "${path}" can be read in two ways: ${listed([oneName, otherName])} are of the class ${quoted(short)}, or of ${quoted(one)} and ${quoted(other)}. Say which: flat,label=first:${path} or flat,label=last:${path}.`,
  );
}

/** How cameras and phones begin the names of their files: by a word of their own or the date. */
const cameraName =
  /^(img|dscn?|dscf|dcim|pxl|mvimg|mvi|vid|pano|burst|gopr|dji|cimg|imag|sam|screenshot|(19|20)\d{6})$/i;

/** Throws UnlabelledPartError for names that begin with anything but their class. */
function requireClassNames(path: string, files: FileList): void {
  /** The first name with each word behind the number that it begins with. */
  const words = new Map<string, string>();
  let numbered = 0;
  for (let i = 0; i < files.length; i++) {
    const name = files.relative(i);
    const beginning = beginnings.first(name);
    if (beginning === undefined) continue;
    if (cameraName.test(beginning))
      throw new UnlabelledPartError(
        path,
        `"${join(path, name)}" is named as cameras and phones name their files, not after a class. Put the images into a folder per class; if ${quoted(beginning)} is a class, write flat,label=first:${path}.`,
      );
    if (!/^\d+$/.test(beginning)) continue;
    numbered++;
    const word = name.slice(beginning.length, name.lastIndexOf(".")).replace(/[^\p{L}]+/gu, "");
    words.set(word, words.get(word) ?? name);
  }
  if (numbered < files.length || words.size < 2) return;
  throw new UnlabelledPartError(
    path,
    `The names in "${path}" begin with numbers, and different words follow (${listed([...words.values()], 2)}), so either may be the class. Put the images into a folder per class; if the numbers are the classes, write flat,label=first:${path}.`,
  );
}

/** Lists in the folder or its parent, which may contain the classes. */
export async function listsBeside(path: string): Promise<string[]> {
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
