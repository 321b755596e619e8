/** Accuracy from logits. */

/**
 * Indices of the `k` largest values, largest first; ties go to the first.
 *
 * @example
 * ```ts
 * import { softmaxOf, topK } from "deit";
 *
 * const scores = softmaxOf([1, 3, 2]);
 * console.log(topK(scores, 2)); // 1, 2
 * ```
 */
export function topK(values: ArrayLike<number>, k: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (best.length === k && !(values[i] > values[best[k - 1]])) continue;
    let at = best.length;
    while (at > 0 && values[i] > values[best[at - 1]]) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}

/** e^x divided by its sum. */
export function softmaxOf(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i] = Math.exp(values[i] - largest);
  return values.map((v) => v / total);
}

/** Running sums of an evaluation. */
export class Accuracy {
  #top1 = 0;
  #top5 = 0;
  #loss = 0;
  #images = 0;
  /** Of each class, by its index. */
  readonly #classes: { right: number; images: number }[] = [];

  /** `logits`: `count · classes` numbers, or more. */
  add(logits: Float32Array, labels: ArrayLike<number>, count: number, classes: number): void {
    for (let i = 0; i < count; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      const best = topK(row, 5);
      this.#classes[labels[i]] ??= { right: 0, images: 0 };
      const ofClass = this.#classes[labels[i]];
      ofClass.images++;
      if (best[0] === labels[i]) {
        this.#top1++;
        ofClass.right++;
      }
      if (best.includes(labels[i])) this.#top5++;
      this.#loss -= Math.log(Math.max(softmaxOf(row)[labels[i]], Number.MIN_VALUE));
      this.#images++;
    }
  }

  /** Images of each class, and those decided right. A class without images may be missing. */
  perClass(): readonly ClassCounts[] {
    return Array.from(this.#classes, (counts) => ({ ...(counts ?? { right: 0, images: 0 }) }));
  }

  /** Percentages of correct predictions, mean cross entropy, number of images. */
  result(): EvaluationResult {
    const share = (n: number) => (this.#images === 0 ? 0 : (100 * n) / this.#images);
    return {
      top1: share(this.#top1),
      top5: share(this.#top5),
      loss: this.#images === 0 ? 0 : this.#loss / this.#images,
      images: this.#images,
    };
  }
}

/** How many images of a class were decided right. */
export type ClassCounts = { readonly right: number; readonly images: number };

/** Mean over the classes that have images of their top-1 in percent (balanced accuracy), from the counts of several parts. */
export function meanClassTop1(parts: readonly (readonly ClassCounts[])[]): number {
  const sums: { right: number; images: number }[] = [];
  for (const part of parts)
    for (const [c, { right, images }] of part.entries()) {
      sums[c] ??= { right: 0, images: 0 };
      sums[c].right += right;
      sums[c].images += images;
    }
  const known = sums.filter(({ images }) => images > 0);
  return known.length === 0
    ? 0
    : (100 * known.reduce((sum, { right, images }) => sum + right / images, 0)) / known.length;
}

/** The result of an evaluation. */
export interface EvaluationResult {
  /** Percent of images whose top prediction is correct. */
  readonly top1: number;
  /** Percent of images whose label is among the top five predictions. */
  readonly top5: number;
  /** Mean cross entropy with the true labels; of several labels, binary cross entropy. */
  readonly loss: number;
  /** Where images have several labels: mean average precision in percent. Top-1 and top-5 then count any of them as right. */
  readonly map?: number;
  /** Mean of the classes' top-1 in percent, in which small classes count as much as large ones; where it was asked for. */
  readonly meanClassTop1?: number;
  /** Number of images that were classified. */
  readonly images: number;
}

/** Combines results over parts of the images into one over all. */
export function combined(results: readonly EvaluationResult[]): EvaluationResult {
  const images = results.reduce((sum, r) => sum + r.images, 0);
  const mean = (of: (r: EvaluationResult) => number) =>
    images === 0 ? 0 : results.reduce((sum, r) => sum + of(r) * r.images, 0) / images;
  return results.length === 1
    ? results[0]
    : { top1: mean((r) => r.top1), top5: mean((r) => r.top5), loss: mean((r) => r.loss), images };
}
