/** Converts labels as stated in data, numbers or names, to class indices. */
import { FileError, UnlabelledPartError, UsageError } from "../../errors/errors.js";
import { quoted } from "../../errors/quoted.js";
import { NameColumn, Uint32Column } from "./columns.js";

/** More classes than any dataset has; a number above it is an error rather than a request for memory. */
const mostClasses = 1_000_000;

export interface Labelled {
  readonly classes: readonly string[];
  readonly labels: Uint32Column;
  /** Whether each sample has a unique label, such as a caption or an identifier. */
  readonly distinct?: boolean;
}

/** With fewer samples, each may well be of a different class. */
const leastToCompare = 5;

/** Represents a missing label. */
const none = 0xffffffff;

export interface ResolveOptions {
  /** The samples to use (default: all). The others may lack a label. */
  readonly members?: ArrayLike<number>;
  readonly wanted?: readonly string[];
  readonly own?: readonly string[];
  readonly numbers?: "indices" | "names";
}

/** Labels in the order of the samples; each distinct one is stored once. */
export class LabelColumn {
  readonly #ids = new Map<string, number>();
  readonly #column = new Uint32Column();

  get length(): number {
    return this.#column.length;
  }

  /** Whether a sample has a label. */
  has(sample: number): boolean {
    return this.#column.at(sample) !== none;
  }

  /** Adds a sample's label; undefined if it has none. */
  push(label: string | undefined): void {
    if (label === undefined) {
      this.#column.push(none);
      return;
    }
    const id = this.#ids.get(label) ?? this.#ids.size;
    if (id >= mostClasses) throw new UsageError(`There are more than ${mostClasses} different labels.`);
    this.#ids.set(label, id);
    this.#column.push(id);
  }

  /**
   * The labels as indices. `wanted` are the classes to index into, `own` those named by the data; without both, the
   * names found, in code-point order, or for numbers "0" to the largest. Numbers are indices, unless they are `names`.
   * Throws FileError for a label that is not a class and for a sample without a label, UnlabelledPartError if no sample
   * has one.
   */
  resolve(path: string, options: ResolveOptions): Labelled {
    const { wanted, own } = options;
    const all = [...this.#ids.keys()];
    // Among class indices, -1 means no label, as written by the datasets library.
    const lacks = all.some((label) => /^(0|[2-9]|\d{2,})$/.test(label)) && all.every((l) => /^(-1|\d{1,15})$/.test(l));
    const isLabel = (label: string) => !(lacks && label === "-1");
    this.#requireLabels(path, lacks ? this.#ids.get("-1") : undefined, options.members);
    const found = all.filter(isLabel);
    const indices = options.numbers !== "names" && found.every((label) => /^\d{1,15}$/.test(label));
    const numbers = indices ? found.map(Number) : undefined;
    const distinct = !wanted && !own && !numbers && found.length === this.length && this.length >= leastToCompare;
    const inOrder = () => {
      const names = NameColumn.of(found);
      return [...names.order()].map((i) => found[i]);
    };
    const classes = wanted ?? own ?? (numbers ? counted(path, numbers) : inOrder());
    const index = numbers ? byNumber(numbers, own, wanted) : byName(found, classes);
    const lost = index.findIndex((i) => i === undefined || i >= classes.length);
    if (lost >= 0) {
      throw new FileError(
        path,
        `"${path}" has samples of ${quoted(found[lost])}, which is not one of the ${classes.length} classes; check its labels, or the class names given.`,
      );
    }
    const byId = new Map(found.map((label, i) => [this.#ids.get(label)!, index[i]!]));
    const labels = new Uint32Column();
    for (let i = 0; i < this.length; i++) labels.push(byId.get(this.#column.at(i)) ?? 0);
    return { classes, labels, distinct };
  }

  #requireLabels(path: string, marker: number | undefined, members?: ArrayLike<number>): void {
    const count = members?.length ?? this.length;
    let [lacking, first] = [0, -1];
    for (let i = 0; i < count; i++) {
      const sample = members?.[i] ?? i;
      const id = this.#column.at(sample);
      if (id !== none && id !== marker) continue;
      if (lacking++ === 0) first = sample;
    }
    if (lacking === 0) return;
    if (lacking === count)
      throw new UnlabelledPartError(
        path,
        `${count === 1 ? `The sample of "${path}" has no label` : `The ${count.toLocaleString("en")} samples of "${path}" have no labels`}.`,
      );
    throw new FileError(
      path,
      `Sample ${first + 1} of "${path}" has no label${lacking > 1 ? `, and ${(lacking - 1).toLocaleString("en")} more have none` : ""}; give each one, or remove them.`,
    );
  }
}

function counted(path: string, numbers: readonly number[]): string[] {
  const largest = numbers.reduce((a, b) => Math.max(a, b), -1);
  if (largest >= mostClasses) {
    throw new FileError(path, `"${path}" has the label ${largest}, above the limit of ${mostClasses} classes.`);
  }
  return Array.from({ length: largest + 1 }, (_, i) => String(i));
}

/** Numbers are indices of the data's own classes, which are looked up among the wanted ones by name. */
function byNumber(
  numbers: readonly number[],
  own: readonly string[] | undefined,
  wanted: readonly string[] | undefined,
): (number | undefined)[] {
  if (!own || !wanted) return [...numbers];
  const matched = byName(own, wanted);
  // Names of different kinds, such as "tench" and "n01440764": only their order can be matched.
  if (own.length === wanted.length && matched.every((i) => i === undefined)) return [...numbers];
  return numbers.map((n) => matched[n]);
}

function byName(names: readonly string[], classes: readonly string[]): (number | undefined)[] {
  const keys = classIndices(classes);
  return names.map((name) => keys.get(name));
}

/** Index of each class by its name and, if unique, by its first word: `n01440764 tench`. */
export function classIndices(classes: readonly string[]): ReadonlyMap<string, number> {
  const firsts = classes.map((name) => name.split(/\s+/)[0]);
  const count = new Map<string, number>();
  for (const first of firsts) count.set(first, (count.get(first) ?? 0) + 1);
  const indices = new Map(firsts.flatMap((first, i) => (count.get(first) === 1 ? [[first, i] as const] : [])));
  classes.forEach((name, i) => {
    indices.set(name, i);
  });
  return indices;
}

/** The appearance of a class name: names that differ only in case, surrounding spaces or Unicode form look alike. */
export const looksOf = (name: string): string => name.normalize("NFKC").toLowerCase().trim();

/** Words that programs write where a label is missing. */
const missingWords = ["nan", "null", "none", "n/a", "na", "undefined"];

/** Sentences on classes that may not be what was intended; fewer for those that were `wanted`. */
export function classNotes({ classes, labels }: Labelled, wanted?: readonly string[]): string[] {
  const notes = lookAlikes(classes);
  const missing = classes.filter((name) => missingWords.includes(name.toLowerCase()));
  if (missing.length > 0)
    notes.push(
      `${missing.map((name) => quoted(name)).join(", ")} is treated as a class, but is what programs write where a label is missing.`,
    );
  if (wanted === undefined) notes.push(...severalAtOnce(classes));
  if (wanted !== undefined || !classes.every((name, i) => name === String(i))) return notes;
  const seen = new Set<number>();
  for (let i = 0; i < labels.length; i++) seen.add(labels.at(i));
  const empty = classes.filter((_, i) => !seen.has(i));
  if (empty.length > 0)
    notes.push(
      `The labels are numbers and count classes from 0 to ${classes.length - 1}, of which ${empty.slice(0, 5).join(", ")}${empty.length > 5 ? ` and ${empty.length - 5} more` : ""} ${empty.length === 1 ? "has" : "have"} no image.`,
    );
  return notes;
}

/** A sentence for labels that list other labels ("cat|dog") or are written as lists ("[1, 2]"). */
function severalAtOnce(classes: readonly string[]): string[] {
  const known = new Set(classes);
  const isSeveral = (name: string): boolean =>
    /^\[.*\]$/.test(name) ||
    ["|", ";", ","].some((mark) => name.includes(mark) && name.split(mark).every((part) => known.has(part.trim())));
  const found = classes.filter(isSeveral);
  return found.length === 0
    ? []
    : [
        `Some labels seem to name several classes at once (${quoted(found[0])}${found.length > 1 ? ` and ${found.length - 1} more` : ""}) and are treated as classes of their own; where an image has several labels, say before the path what separates them, as list,separator=|:PATH.`,
      ];
}

/** A sentence for different class names that look alike: they differ in Unicode normal form, case or spacing. */
export function lookAlikes(classes: readonly string[]): string[] {
  const seen = new Map<string, string>();
  const pairs: string[] = [];
  for (const name of classes) {
    const looks = looksOf(name);
    const other = seen.get(looks);
    if (other === undefined) seen.set(looks, name);
    else
      pairs.push(
        `${quoted(other)} and ${quoted(name)}${other.normalize("NFC") === name.normalize("NFC") ? " (the same letters in different bytes: Unicode's composed and decomposed forms)" : ""}`,
      );
  }
  return pairs.length === 0
    ? []
    : [
        `Some classes look alike and are treated as different: ${pairs.slice(0, 5).join("; ")}. Rename one of each if they are the same.`,
      ];
}
