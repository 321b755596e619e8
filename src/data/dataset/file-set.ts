/** Checks on the files that together are one dataset, such as shards and Parquet files. */
import { FileError } from "../../errors/errors.js";
import { quoted } from "../../errors/quoted.js";

/** A name such as train-00000-of-00003.parquet, with or without a checksum behind the numbers. */
const numbered = /^(.*?)(\d+)-of-(\d+)(.*)$/;

/** A note for each series of files of which some are missing, as their names tell; `names` are paths within `path`. */
export function missingFileNotes(path: string, names: readonly string[]): string[] {
  const series = new Map<string, { readonly total: number; readonly there: Set<number> }>();
  for (const name of names) {
    const [, before, number, total, after] = numbered.exec(name) ?? [];
    if (number === undefined) continue;
    const title = `${before}*-of-${total}${/\.[^/\\]*$/.exec(after)?.[0] ?? ""}`;
    const { there } = series.get(title) ?? { there: new Set<number>() };
    series.set(title, { total: Number(total), there: there.add(Number(number)) });
  }
  return [...series].flatMap(([title, { total, there }]) => {
    const lost = total - there.size;
    if (lost <= 0) return [];
    const files = `${lost.toLocaleString("en")} of the ${total.toLocaleString("en")} files ${quoted(title)}`;
    return [`${files} ${lost === 1 ? "is" : "are"} missing from "${path}"; only the others are used.`];
  });
}

/** Labels are numbers in all files of a dataset or names in all of them: otherwise classes would be counted twice. */
export class LabelKinds {
  #numbers: { readonly file: string; readonly label: string } | undefined;
  #names: { readonly file: string; readonly label: string } | undefined;

  /** Adds a file's labels; null for a sample without one. Throws FileError if their kind differs from other files'. */
  add(file: string, labels: readonly (string | null)[]): void {
    const present = labels.filter((label) => label !== null);
    if (present.length === 0) return;
    const numbers = present.filter((label) => /^-?\d{1,15}$/.test(label)).length;
    if (numbers === present.length) this.#numbers ??= { file, label: present[0] };
    if (numbers === 0) this.#names ??= { file, label: present[0] };
    if (!this.#numbers || !this.#names) return;
    throw new FileError(
      file,
      `The labels in "${this.#numbers.file}" are numbers, such as ${this.#numbers.label}, and those in "${this.#names.file}" are names, such as ${quoted(this.#names.label)}; give files that name the classes in the same way.`,
    );
  }
}
