/** The meaning of subfolders: classes, or parts of the data. Nothing is guessed: ambiguous cases are refused. */

import { join } from "node:path";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { sentence } from "../../errors/sentence.js";
import { forEachEntry } from "../../system/files/folder-entries.js";
import type { Choices, PartName } from "../dataset/dataset.js";
import { archiveName, isImageName } from "../dataset/files.js";
import { besidePart, isPlainPartName, listed, type Naming, namesParts, partNaming, waysOut } from "../dataset/parts.js";
import { lookAt, type Place } from "../dataset/place.js";
import { formatOf } from "./formats.js";

export type FolderLayout =
  | { readonly kind: "classes"; readonly notes: readonly string[] }
  | {
      readonly kind: "parts";
      readonly folders: ReadonlyMap<PartName, string>;
      readonly notes: readonly string[];
    };

/** Contents of a folder: images, folders with images, data of a different format, or none of these. */
type Content = "images" | "folders" | "format" | "nothing";

/**
 * Folders are parts if each one with images is named after a part, and classes if none that contains classes is. Throws
 * FileError if neither is the case, and if two folders are named after the same part.
 */
export async function folderLayout(place: Place, choices: Choices = {}): Promise<FolderLayout> {
  const naming = partNaming(choices);
  const { path } = place;
  const named = place.folders.filter((name) => isPart(naming(name)));
  if (named.length === 0) {
    if (!namesParts(choices)) return { kind: "classes", notes: [] };
    throw new FileError(
      path,
      `"${path}" has no folder of the names given for its parts, but ${listed(place.folders)}.`,
    );
  }
  const contents = new Map<string, Content>();
  for (const name of named) contents.set(name, await contentOf(join(path, name)));
  const beside = place.folders.filter((name) => !isPart(naming(name)));
  const [others, left] = [[] as string[], [] as string[]];
  for (const name of beside) {
    const counts = naming(name) !== "aside" && !namesParts(choices) && (await holdsImages(join(path, name)));
    (counts ? others : left).push(name);
  }
  if (others.length > 0) return besideClasses(place, named, others, contents);
  const full = named.filter((name) => contents.get(name) !== "nothing");
  const deep = full.some((name) => contents.get(name) !== "images");
  const folders = new Map<PartName, string>();
  for (const name of [...full, ...named.filter((n) => !full.includes(n))]) {
    const part = naming(name) as PartName;
    const first = folders.get(part);
    if (first === undefined) folders.set(part, name);
    else if (!deep) return asClasses(path, named);
    else if (full.includes(name)) throw twice(path, part, [first, name]);
  }
  if (!deep && !namesParts(choices) && !named.every(isPlainPartName)) return asClasses(path, named);
  const packed = place.files.filter((name) => {
    const part = naming(archiveName.exec(name)?.[1] ?? "");
    return isPart(part) && !folders.has(part as PartName);
  });
  return {
    kind: "parts",
    folders,
    notes: [
      ...(left.length > 0 ? [leftOut(path, left)] : []),
      ...(packed.length > 0 ? [stillPacked(path, packed)] : []),
    ],
  };
}

const isPart = (named: ReturnType<Naming>): boolean => named !== undefined && named !== "aside";

/** Folders named after parts among others with images: classes like those, unless they contain classes themselves. */
function besideClasses(
  { path }: Place,
  named: readonly string[],
  others: readonly string[],
  contents: ReadonlyMap<string, Content>,
): FolderLayout {
  const deep = named.filter((name) => contents.get(name) === "folders" || contents.get(name) === "format");
  if (deep.length === 0) return asClasses(path, named);
  throw new FileError(
    path,
    sentence`"${path}" holds ${listed(deep)}, called as ${deep.length === 1 ? "a part" : "parts"} of the data, and beside ${deep.length === 1 ? "it" : "them"} images in ${listed(others)}, which ${others.length === 1 ? "is" : "are"} not. ${waysOut(path, deep[0])}`,
  );
}

/** Throws FileError if the same class is in two parts, as in train_pos and test_pos. */
function asClasses(path: string, named: readonly string[]): FolderLayout {
  const naming = partNaming();
  const first = new Map<string, string>();
  for (const name of named) {
    const said = besidePart(name);
    const other = first.get(said);
    if (said !== "" && other !== undefined && naming(other) !== naming(name))
      throw new FileError(
        path,
        `The folders ${listed([other, name])} in "${path}" name a part and a class at once. Put the class folders into a folder for each part, as "${join(String(naming(name)), said)}"; if all folders are classes, write folders:${path}.`,
      );
    first.set(said, name);
  }
  const [are, part] = named.length === 1 ? ["is taken for a class", "a part"] : ["are taken for classes", "parts"];
  return {
    kind: "classes",
    notes: [
      `${listed(named)} ${are}, like the folders beside, and not for ${part} of the data: parts stand beside parts alone and hold class folders.`,
    ],
  };
}

/** Levels down which folders are followed that hold nothing but one folder. */
const deepestWrapper = 4;

/** What the programs that unpack archives leave beside: resource forks of a Mac. */
const leavings = ["__MACOSX"];

/**
 * The folder within one that holds nothing else, as where an archive was unpacked into a folder of its name, when what it
 * holds is of a format that says so. One of folders may itself be a class, and is not followed.
 */
export async function wrappedIn(outer: Place): Promise<string | undefined> {
  let place = outer;
  for (let depth = 0; depth < deepestWrapper; depth++) {
    const folders = place.folders.filter((name) => !leavings.includes(name));
    const [only] = folders;
    if (folders.length !== 1 || only === "data" || partNaming()(only) !== undefined) return undefined;
    if (place.files.some(isImageName)) return undefined;
    place = await lookAt(join(place.path, only));
    const format = await formatOf(place);
    if (format !== undefined && !["folders", "flat"].includes(format)) return place.path;
  }
  return undefined;
}

const stillPacked = (path: string, names: readonly string[]): string =>
  `${listed(names)} in "${path}" ${names.length === 1 ? "is an archive" : "are archives"} and left out; unpack ${names.length === 1 ? "it" : "them"} to use ${names.length === 1 ? "it" : "them"}.`;

const leftOut = (path: string, names: readonly string[]): string =>
  `${listed(names)} in "${path}" ${names.length === 1 ? "is" : "are"} left out: no part, for lack of a part's name or of images with classes.`;

function twice(path: string, part: PartName, names: readonly string[]): FileError {
  return new FileError(
    path,
    sentence`"${path}" has more than one folder for ${part}: ${listed(names)}. ${waysOut(path, names[0])}`,
  );
}

async function contentOf(path: string): Promise<Content> {
  const place = await lookAt(path);
  const format = await formatOf(place);
  if (format !== undefined && format !== "folders" && format !== "flat") return "format";
  for (const name of place.folders) if (await holdsImages(join(path, name))) return "folders";
  return place.files.some(isImageName) ? "images" : "nothing";
}

/** Maximum depth of the search for images. */
const deepest = 4;

const holdsImages = async (path: string): Promise<boolean> => (await findData(path)) !== undefined;

/**
 * The name of any image, or of an archive that may contain some, in or below the folder; undefined if there is none.
 */
export async function findData(path: string, depth = 0): Promise<string | undefined> {
  const folders: string[] = [];
  let found: string | undefined;
  await forEachEntry(path, (name, entry) => {
    if (entry.isDirectory() || entry.isSymbolicLink()) folders.push(name);
    if (entry.isDirectory() || !(isImageName(name) || holding.test(name))) return undefined;
    found = name;
    return false;
  }).catch((error) => {
    // Links to files are listed among the folders, and turn out not to be folders here.
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["ENOTDIR", "ENOENT", "ELOOP"].includes(code)) throw fileError(path, "list the folder", error);
  });
  if (depth < deepest) for (const name of folders) found ??= await findData(join(path, name), depth + 1);
  return found;
}

const holding = /\.(tar|tgz|tar\.gz|parquet|records)$/i;
