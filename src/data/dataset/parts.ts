/** Parts of a dataset, as the names of its folders, files and rows tell them: one rule for all formats. */
import { join } from "node:path";
import { FileError, NoSuchPartError } from "../../errors/errors.js";
import { quoted } from "../../errors/quoted.js";
import { type Sentence, sentence, setting, way } from "../../errors/sentence.js";
import { type Choices, type PartName, partNames } from "./dataset.js";

/** Words for the parts: those of the Hugging Face datasets library, and what competitions write as one word. */
const partWords: Readonly<Record<PartName, readonly string[]>> = {
  train: ["train", "training", "trainset", "traindata", "trainval"],
  validation: ["validation", "valid", "val", "dev", "valset", "validset", "devset"],
  test: ["test", "testing", "eval", "evaluation", "testset", "testdata"],
};

/** Words for images without labels that are there to be predicted, and are not a part. */
const asideWords = ["pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled", "unsupervised"];

/** Words that add nothing to a part's name: `train_images`, `Train_Set_Folder`, `seg_train`. */
const plainWords = ["set", "image", "images", "img", "imgs", "data", "dataset", "folder", "split", "photos", "seg", ""];

/** Names of columns that say which part a sample is of, in small letters without spaces and signs. */
const partColumns = ["split", "set", "subset", "part", "partition", "usage", "phase", "datasplit", "datasetsplit"];

/** Whether a column of this name says which part a sample is of. */
export const isPartColumn = (name: string): boolean => partColumns.includes(plainName(name));

/** A column's name in small letters without spaces and signs. */
export const plainName = (name: string): string =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "");

/** What a name speaks of: a part, images that are only to be predicted, or neither. */
export type Named = PartName | "aside" | undefined;

/** Tells what a name speaks of. */
export type Naming = (name: string) => Named;

/** By known words, or by those that the user gives instead. */
export function partNaming(choices: Choices = {}): Naming {
  if (!namesParts(choices)) return knownPart;
  const given = partNames.flatMap((part) => (choices[part] ?? "").split("+").map((name) => [part, name] as const));
  return (name) => {
    const fits = ([, word]: readonly [PartName, string]) =>
      word !== "" && (same(name, word) || wordsOf(name).some((each) => same(each, word)));
    return given.find(fits)?.[0];
  };
}

/** Whether the user says what parts are called. */
export const namesParts = (choices: Choices = {}): boolean => partNames.some((part) => choices[part] !== undefined);

/** Whether a name is that of a part and says nothing else, as the name of a class would (`train station`). */
export const isPlainPartName = (name: string): boolean => besidePart(name) === "";

/** What a name says beside its part: "pos" of train_pos, nothing of train_images. */
export const besidePart = (name: string): string =>
  wordsOf(name)
    .filter((word) => !plainWords.includes(word) && !Object.values(partWords).some((words) => words.includes(word)))
    .join(" ");

function knownPart(name: string): Named {
  const words = wordsOf(name);
  const parts = partNames.filter((part) => words.some((word) => partWords[part].includes(word)));
  // What is called train_val is both, for training.
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

/** Files of a part, and what is to be said of those that are in none. */
export interface FilesOfPart {
  readonly names: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Those of the files (paths within the data) that belong to the part, by their own names or those of their folders; all
 * of them are for training where none speaks of parts. Throws NoSuchPartError where there are parts but not this one, and
 * where it cannot be told what a file belongs to.
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

/** What the innermost name of a path says that says anything. */
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

/** The error of a part that is not there; `parts` are those that are. */
export function noPart(path: string, parts: readonly string[], wanted: PartName): NoSuchPartError {
  const there = [...new Set(parts)].join(", ");
  const message =
    there === ""
      ? sentence`"${path}" is not divided into parts, so it has none for ${wanted}${way`; hold out a share with ${setting("split", 0.2)}`}.`
      : `"${path}" has the parts ${there} but none for ${wanted}; add one named "${wanted}".`;
  return new NoSuchPartError(path, message, parts);
}

/** Data that is not divided is all for training. */
export function requireUndivided(path: string, wanted: PartName): void {
  if (wanted !== "train") throw noPart(path, [], wanted);
}

/** How a user decides what folders are. */
export const waysOut = (path: string, part: string): Sentence =>
  sentence`If they are parts, name them: ${way`"${join(path, part)}" for training, with ${setting("validation")} and ${setting("test")} for the others, or `}folders,train=NAME,validation=NAME:${path}; if all folders are classes, write folders:${path}.`;
