/** Classes of very unequal size, of which training, `data info` and `data check` tell by this one rule. */
import { quoted } from "../../errors/quoted.js";
import type { Dataset } from "./dataset.js";

/** How many times as large as the smallest class the largest may be before accuracy needs a baseline to be read against. */
const unequal = 5;

/** The labels of a dataset. */
export type Labels = Pick<Dataset, "classes" | "length" | "label" | "labelsOf">;

/** Images of each class; one with several labels is an image of each. */
export function countsOf({ classes, length, label, labelsOf = (i) => [label(i)] }: Labels): number[] {
  const counts = new Array<number>(classes.length).fill(0);
  for (let i = 0; i < length; i++) for (const c of labelsOf(i)) counts[c]++;
  return counts;
}

export interface ClassBalance {
  /** Index of the class with the fewest images, of those that have any, and of the one with the most. */
  readonly smallest: number;
  readonly largest: number;
  readonly least: number;
  readonly most: number;
  readonly total: number;
  readonly isUnequal: boolean;
}

/** Compares the images per class; undefined if there are none. */
export function classBalance(sizes: readonly number[]): ClassBalance | undefined {
  let [smallest, largest, total] = [-1, -1, 0];
  for (const [c, size] of sizes.entries()) {
    if (size === 0) continue;
    total += size;
    if (smallest < 0 || size < sizes[smallest]) smallest = c;
    if (largest < 0 || size > sizes[largest]) largest = c;
  }
  if (smallest < 0) return undefined;
  const [least, most] = [sizes[smallest], sizes[largest]];
  return { smallest, largest, least, most, total, isUnequal: most >= unequal * least };
}

/** The sentence on unequal classes: their range, and how often always answering `largest` is right, of what. */
export function unequalSentence({ least, most }: ClassBalance, largest: string, share: number, of: string): string {
  const range = `${least.toLocaleString("en")} to ${most.toLocaleString("en")} images`;
  return `The classes are of very unequal size (${range}): always answering ${quoted(largest)} would be right for ${(100 * share).toFixed(1)} % of ${of}, which is the baseline to beat.`;
}
