/** Lists whose samples have several labels, or none: the cells of one column, read as lists of labels. */
import { FileError } from "../../../errors/errors.js";
import { Uint32Column } from "../../dataset/columns.js";
import type { Dataset } from "../../dataset/dataset.js";
import { LabelColumn, type Labelled } from "../../dataset/labels.js";
import { listed } from "../../dataset/parts.js";
import type { ListColumns } from "./columns.js";
import type { Cells } from "./table.js";

/** Whether a list's cells hold several labels: its reader said what separates them, or the first is a list (JSON lines). */
export const holdsSeveral = (
  separator: string | undefined,
  first: Cells | undefined,
  { labels }: ListColumns,
): boolean => separator !== undefined || (labels.length === 1 && Array.isArray(first?.[labels[0]]));

/** The labels of all samples, in order. */
export class SeveralLabels {
  readonly #labels = new LabelColumn();
  readonly #ends = new Uint32Column();
  readonly #column: number;

  /** Throws FileError unless one column holds the labels. */
  constructor(
    private readonly list: string,
    { labels, names }: ListColumns,
    private readonly separator: string | undefined,
  ) {
    if (labels.length !== 1)
      throw new FileError(
        list,
        `Several labels stand in one column of a list, but "${list}" has ${labels.length === 0 ? "none beside the images" : `${listed(labels.map((i) => names[i]))}; name it before the path, as list,label=${names[labels[0]]}:${list}`}.`,
      );
    this.#column = labels[0];
  }

  /** Adds the labels of a row; an empty cell is an image without any. */
  push(row: Cells, number: number): void {
    for (const label of new Set(this.#read(row[this.#column], number))) this.#labels.push(label);
    this.#ends.push(this.#labels.length);
  }

  #read(cell: unknown, number: number): readonly string[] {
    const text = (value: unknown): string => {
      if (typeof value === "string" || typeof value === "number") return String(value).trim();
      throw new FileError(
        this.list,
        `Sample ${number} of "${this.list}" has a label that is neither text nor a number; write its labels as ["cat", "dog"].`,
      );
    };
    if (cell === undefined || cell === null) return [];
    const all = Array.isArray(cell)
      ? cell.map(text)
      : this.separator === undefined
        ? [text(cell)]
        : text(cell).split(this.separator);
    return all.map((label) => label.trim()).filter((label) => label !== "");
  }

  /** The labels as indices; those of a sample are its part of them. */
  resolve(path: string, options: { readonly wanted?: readonly string[]; readonly own?: readonly string[] }) {
    if (this.#labels.length === 0)
      throw new FileError(this.list, `No sample of "${this.list}" has a label, so there is nothing to learn.`);
    return this.#labels.resolve(path, options);
  }

  /** Indices of a sample's classes. */
  of({ labels }: Labelled): NonNullable<Dataset["labelsOf"]> {
    return (i) => {
      const from = i === 0 ? 0 : this.#ends.at(i - 1);
      return Array.from({ length: this.#ends.at(i) - from }, (_, k) => labels.at(from + k)).sort((a, b) => a - b);
    };
  }

  /** The first class of each sample, in the form of single labels. */
  first(resolved: Labelled): Labelled {
    const of = this.of(resolved);
    const labels = new Uint32Column();
    for (let i = 0; i < this.#ends.length; i++) labels.push(of(i)[0] ?? 0);
    return { classes: resolved.classes, labels };
  }
}
