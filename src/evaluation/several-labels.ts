/** Measures of predictions where images have several labels: each class is a question of its own. */
import { type EvaluationResult, topK } from "./metrics.js";

/** The result of an evaluation of several labels. */
export interface SeveralResult extends EvaluationResult {
  /** Mean average precision in percent: the mean over the classes that any image has. */
  readonly map: number;
  /** Average precision of each class in percent; undefined for a class that no image has. */
  readonly averagePrecisions: readonly (number | undefined)[];
}

/**
 * Average precision Σ (Rₙ − Rₙ₋₁) Pₙ over the distinct scores from the highest down, with recall R and precision P of the
 * samples at or above each; as scikit-learn's average_precision_score, without interpolation. Undefined without positives.
 */
export function averagePrecision(scores: ArrayLike<number>, positive: ArrayLike<number>): number | undefined {
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
  let [hits, sum, last] = [0, 0, 0];
  for (const [n, i] of order.entries()) {
    if (positive[i] > 0) hits++;
    // Samples of equal score are above a threshold together.
    if (n + 1 < order.length && scores[order[n + 1]] === scores[i]) continue;
    sum += ((hits - last) * hits) / (n + 1);
    last = hits;
  }
  return hits === 0 ? undefined : sum / hits;
}

/** Running sums of an evaluation; it keeps all scores, which average precision orders. */
export class SeveralAccuracy {
  readonly #scores: number[][];
  readonly #targets: number[][];
  #top1 = 0;
  #top5 = 0;
  #loss = 0;
  #images = 0;

  constructor(private readonly classes: number) {
    this.#scores = Array.from({ length: classes }, () => []);
    this.#targets = Array.from({ length: classes }, () => []);
  }

  /** `logits` and `targets`: `count · classes` numbers, or more; a target is 1 for a class of the image, else 0. */
  add(logits: Float32Array, targets: Float32Array, count: number): void {
    const { classes } = this;
    for (let i = 0; i < count; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      const right = targets.subarray(i * classes, (i + 1) * classes);
      const best = topK(row, 5);
      if (right[best[0]] > 0) this.#top1++;
      if (best.some((c) => right[c] > 0)) this.#top5++;
      let loss = 0;
      for (let c = 0; c < classes; c++) {
        this.#scores[c].push(row[c]);
        this.#targets[c].push(right[c]);
        loss += Math.max(row[c], 0) - row[c] * right[c] + Math.log1p(Math.exp(-Math.abs(row[c])));
      }
      this.#loss += loss / classes;
      this.#images++;
    }
  }

  /** Percent of images whose most likely class (one of the five) is among their labels, mean binary cross entropy, mAP. */
  result(): SeveralResult {
    const of = (sum: number) => (this.#images === 0 ? 0 : sum / this.#images);
    const each = this.#scores.map((scores, c) => averagePrecision(scores, this.#targets[c]));
    const known = each.filter((one) => one !== undefined);
    return {
      ...{ top1: 100 * of(this.#top1), top5: 100 * of(this.#top5), loss: of(this.#loss), images: this.#images },
      map: known.length === 0 ? 0 : (100 * known.reduce((sum, one) => sum + one, 0)) / known.length,
      averagePrecisions: each.map((one) => one && 100 * one),
    };
  }
}
