/** All parts of a dataset, each opened with the classes of the first. */
import type { UnlabelledPartError } from "../../errors/errors.js";
import { type Dataset, type OpenOptions, type PartName, partNames, sayings } from "../dataset/dataset.js";
import { partIfThere } from "./open.js";

export interface AllParts {
  readonly parts: readonly { readonly name: PartName; readonly dataset: Dataset }[];
  /** Parts without labels, which cannot be used for training or evaluation. */
  readonly unlabelled: readonly { readonly name: PartName; readonly error: UnlabelledPartError }[];
}

/**
 * Opens all existing parts; data without parts is for training, and samples that a rule holds out are for validation.
 * Throws FileError if a part is malformed, and UnlabelledPartError if none has labels.
 */
export async function openAllParts(path: string, { rule, ...options }: Omit<OpenOptions, "split">): Promise<AllParts> {
  const parts: { name: PartName; dataset: Dataset }[] = [];
  const unlabelled: { name: PartName; error: UnlabelledPartError }[] = [];
  const classes = () => options.classes ?? parts[0]?.dataset.classes;
  let absent: Error | undefined;
  for (const name of partNames) {
    const divided = rule !== undefined && rule.kind !== "given" && name !== "test";
    const found = await partIfThere(path, {
      ...options,
      split: name,
      classes: classes(),
      rule: divided ? rule : undefined,
    });
    if (found.kind === "there") parts.push({ name, dataset: found.dataset });
    else if (found.kind === "unlabelled") unlabelled.push({ name, error: found.error });
    else absent ??= found.error;
    if (found.kind === "whole") break;
  }
  if (parts.length === 0) throw unlabelled[0]?.error ?? absent;
  return { parts, unlabelled };
}

/** Notes on the data as a whole: those of its parts, without duplicates. */
export const notesOf = ({ parts, unlabelled }: AllParts): string[] => [
  ...new Set(parts.flatMap(({ dataset }) => sayings(dataset))),
  ...unlabelled.map(
    ({ name, error }) => `The part for ${name} has no labels, so that nothing can be measured on it: ${error.message}`,
  ),
];
