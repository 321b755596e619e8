/** Parts of a data set, as the names of its files and folders tell them. */
import { FileError } from "../errors.js";
import type { OpenOptions } from "./dataset.js";

/** Names of the parts, in the order of preference. */
export const partNames: Readonly<Record<OpenOptions["split"], readonly string[]>> = {
  train: ["train", "training"],
  test: ["test", "val", "valid", "validation"],
};

/** Whether a folder's name is that of a part. */
export const isPartName = (name: string): boolean => Object.values(partNames).some((names) => names.includes(name));

/** The part that a name speaks of, as `imagenet-train-0001.tar` does. */
function partOf(name: string): string | undefined {
  const words = name.toLowerCase().split(/[^a-z]+/);
  return words.find(isPartName);
}

/**
 * Those of `names` that belong to the part; all, where no name speaks of parts. Throws FileError when there are parts,
 * but not this one.
 */
export function namesOfPart(
  path: string,
  names: readonly string[],
  split: OpenOptions["split"],
  order: Readonly<Record<OpenOptions["split"], readonly string[]>> = partNames,
): string[] {
  const parts = names.map(partOf);
  if (parts.every((part) => part === undefined)) return [...names];
  const wanted = order[split].find((part) => parts.includes(part));
  if (wanted === undefined)
    throw noPart(
      path,
      parts.filter((p) => p !== undefined),
      split,
    );
  return names.filter((_, i) => parts[i] === wanted);
}

export function noPart(path: string, parts: readonly string[], split: OpenOptions["split"]): FileError {
  return new FileError(
    path,
    `"${path}" has the parts ${[...new Set(parts)].join(", ")} but none for ${split}; add one named "${split}".`,
  );
}
