/** Parts of a dataset, from the names of its folders, files and rows: one rule for all formats. */
import { join } from "node:path";
import { FileError, NoSuchPartError } from "../../errors/errors.js";
import { quoted } from "../../errors/quoted.js";
import { type Sentence, sentence, setting, way } from "../../errors/sentence.js";
import { type Choices, type PartName, partNames } from "./dataset.js";

/** Words for the parts: those of the Hugging Face datasets library, and compounds used by competitions. */
const partWords: Readonly<Record<PartName, readonly string[]>> = {
  train: ["train", "training", "trainset", "traindata", "trainval"],
  validation: ["validation", "valid", "val", "dev", "valset", "validset", "devset"],
  test: ["test", "testing", "eval", "evaluation", "testset", "testdata"],
};

/** Words for unlabelled images to be predicted, which are not a part. */
const asideWords = ["pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled", "unsupervised"];

/** Words without meaning in a part's name: `train_images`, `Train_Set_Folder`, `seg_train`. */
const plainWords = ["set", "image", "images", "img", "imgs", "data", "dataset", "folder", "split", "photos", "seg", ""];

/** Names of columns with each sample's part, in lower case without spaces and punctuation. */
const partColumns = ["split", "set", "subset", "part", "partition", "usage", "phase", "datasplit", "datasetsplit"];

/** Whether a column with this name contains each sample's part. */
export const isPartColumn = (name: string): boolean => partColumns.includes(plainName(name));

/** A column's name in lower case without spaces and punctuation. */
export const plainName = (name: string): string =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "");

/** What a name denotes: a part, images that are only to be predicted, or neither. */
export type Named = PartName | "aside" | undefined;

/** Returns what a name denotes. */
export type Naming = (name: string) => Named;

/** By the known words, or by those given by the user instead. */
export function partNaming(choices: Choices = {}): Naming {
  if (!namesParts(choices)) return knownPart;
  const given = partNames.flatMap((part) => (choices[part] ?? "").split("+").map((name) => [part, name] as const));
  return (name) => {
    const fits = ([, word]: readonly [PartName, string]) =>
      word !== "" && (same(name, word) || wordsOf(name).some((each) => same(each, word)));
    return given.find(fits)?.[0];
  };
}

/** Whether the user names the parts. */
export const namesParts = (choices: Choices = {}): boolean => partNames.some((part) => choices[part] !== undefined);

/** Whether a name denotes a part and nothing else, unlike the name of a class (`train station`). */
export const isPlainPartName = (name: string): boolean => besidePart(name) === "";

/** The rest of a name besides its part: "pos" of train_pos, "" of train_images. */
export const besidePart = (name: string): string =>
  wordsOf(name)
    .filter((word) => !plainWords.includes(word) && !Object.values(partWords).some((words) => words.includes(word)))
    .join(" ");

function knownPart(name: string): Named {
  const words = wordsOf(name);
  const parts = partNames.filter((part) => words.some((word) => partWords[part].includes(word)));
  // A name such as train_val means both, and is for training.
  if (parts.length === 2 && !parts.includes("test")) return "train";
  if (parts.length > 0) return parts.length === 1 ? parts[0] : undefined;
  return words.some((word) => asideWords.includes(word)) ? "aside" : undefined;
}

const wordsOf = (name: string): string[] =>
  name
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}]+/u);

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Files of a part, and notes on those that are in none. */
export interface FilesOfPart {
  readonly names: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Those of the files (paths within the data) that belong to the part, by their own names or those of their folders; all
 * of them are for training if no name denotes a part. Throws NoSuchPartError if there are parts but not this one, or if
 * a file's part is unclear.
 */
export function filesOfPart(path: string, names: readonly string[], part: PartName, choices?: Choices): FilesOfPart {
  const naming = partNaming(choices);
  const parts = names.map((name) => partOfPath(name, naming));
  if (parts.every((found) => found === undefined)) {
    requireUndivided(path, part);
    return { names, notes: [] };
  }
  const lost = names.filter((_, i) => parts[i] === undefined);
  if (lost.length > 0 && !namesParts(choices))
    throw new FileError(
      path,
      `"${path}" has parts, but the names of some files indicate none: ${listed(lost)}. Rename them (train, validation, test), move them away, or say what the parts are called, as wds,train=NAME,test=NAME:${path}.`,
    );
  const wanted = names.filter((_, i) => parts[i] === part);
  if (wanted.length === 0)
    throw noPart(
      path,
      partNames.filter((each) => parts.includes(each)),
      part,
    );
  const aside = names.filter((_, i) => parts[i] === "aside");
  const left = (which: readonly string[], why: string) =>
    which.length === 0
      ? []
      : [`${listed(which)} in "${path}" ${which.length === 1 ? "is" : "are"} ${why}, and left out.`];
  return {
    names: wanted,
    notes: [...left(aside, "named as images without labels"), ...left(lost, "of no part that was named")],
  };
}

/** What the innermost meaningful name of a path denotes. */
function partOfPath(path: string, naming: Naming): Named {
  const names = path.split(/[\\/]/).reverse();
  return names.map(naming).find((named) => named !== undefined);
}

/** The first few of many names, quoted. */
export function listed(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).map((name) => quoted(name));
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more.toLocaleString("en")} more` : shown.join(", ");
}

/** The error for a missing part; `parts` are the existing ones. */
export function noPart(path: string, parts: readonly string[], wanted: PartName): NoSuchPartError {
  const there = [...new Set(parts)].join(", ");
  const message =
    there === ""
      ? sentence`"${path}" is not divided into parts, so it has none for ${wanted}${way`; hold out a share with ${setting("split", 0.2)}`}.`
      : `"${path}" has the parts ${there} but none for ${wanted}; add one named "${wanted}".`;
  return new NoSuchPartError(path, message, parts);
}

/** Throws unless the part is the training part: undivided data is used entirely for training. */
export function requireUndivided(path: string, wanted: PartName): void {
  if (wanted !== "train") throw noPart(path, [], wanted);
}

/** How a user can specify the meaning of folders. */
export const waysOut = (path: string, part: string): Sentence =>
  sentence`If all folders are classes, write folders:${path}; if they are parts, name them: ${way`"${join(path, part)}" for training, with ${setting("validation")} and ${setting("test")} for the others, or `}folders,train=NAME,validation=NAME:${path}.`;
