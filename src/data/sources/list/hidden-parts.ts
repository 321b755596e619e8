/** Columns of a list that divide its samples, under unrecognised names: `is_valid`, `dataset`, `fold`. */
import { quoted } from "../../../errors/quoted.js";
import { listed, partNaming, plainName } from "../../dataset/parts.js";

/** A column not recognised as images, classes or parts, with its first values. */
export interface UnusedColumn {
  readonly name: string;
  readonly values: readonly string[];
}

const yes = ["1", "1.0", "true", "yes", "y", "t"];
const no = ["0", "0.0", "false", "no", "n", "f"];

/** A sentence for a column that seems to state the part of each sample, by its values, or by its name and yes or no. */
export function hiddenParts(list: string, columns: readonly UnusedColumn[]): string | undefined {
  const naming = partNaming();
  for (const { name, values } of columns) {
    if (values.length === 0) continue;
    const found = [...new Set(values)];
    const way = `skip the column with list,split=none:${list}`;
    if (found.every((value) => naming(value) !== undefined))
      return `"${list}" has a column ${quoted(name)} that seems to name parts (${listed(found)}). Say that it does, as list,split=${name}:${list}, or ${way}.`;
    const part = naming(name);
    if (part === undefined || part === "aside" || !found.every((value) => isAnswer(value))) continue;
    const other = part === "train" ? "test" : "train";
    const said = (wanted: readonly string[]) =>
      found.find((value) => wanted.includes(value.toLowerCase())) ?? wanted[0];
    return `"${list}" has a column ${quoted(name)} that seems to say what is for ${part} (${listed(found)}). Say that it does, as list,split=${name},${other}=${said(no)},${part}=${said(yes)}:${list}, or ${way}.`;
  }
  return undefined;
}

const isAnswer = (value: string): boolean => [...yes, ...no].includes(value.toLowerCase());

/** Sentences on columns of folds, among which only the user can choose. */
export const unusedFolds = (list: string, columns: readonly UnusedColumn[]): string[] =>
  columns
    .filter(({ name }) => /^(k?folds?|cvfolds?|foldid)$/.test(plainName(name)))
    .map(
      ({ name, values: [value = "0"] }) =>
        `The column ${quoted(name)} of "${list}" is not used, so all folds are used for training; list,split=${name},validation=${value},train=OTHERS:${list} (as 1+2+3) sets one aside.`,
    );
