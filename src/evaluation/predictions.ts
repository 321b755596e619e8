/** What a classifier answers in Node and in pages: from logits to the most likely classes. */
import { softmaxOf, topK } from "./metrics.js";
import type { TestTime } from "./test-time.js";

/** A predicted class. */
export interface Prediction {
  /** Name of the class; its index as a string if the classes have no names. */
  readonly label: string;
  /** Probability, between 0 and 1: a softmax over the classes, or a sigmoid where images have several labels. */
  readonly score: number;
  /** Index of the class among the outputs. */
  readonly index: number;
}

/** How many predictions are returned, and from how many crops. */
export interface ClassifyOptions {
  /** Number of most likely classes (default: 5); all if there are fewer. */
  readonly top?: number;
  /**
   * Test-time augmentation: the mean probability over mirror images (`flip`), the centre and the corners (`crops`) or three
   * `scales`, combined if there are several. It takes 2, 5 and 3 times as long. Default: the centre alone.
   */
  readonly tta?: TestTime;
}

/** Which vector to return as the embedding. */
export interface EmbedOptions {
  /**
   * `class` (the default): the input of the head, for a distilled model the mean over both tokens; `patches`: the mean
   * of the normalised patch tokens.
   */
  readonly from?: "class" | "patches";
}

/** Probabilities of the classes: a softmax, or of `several` labels, each a question of its own, sigmoids. */
export const probabilitiesOf = (logits: Float32Array, several: boolean): Float64Array =>
  several ? Float64Array.from(logits, (x) => 1 / (1 + Math.exp(-x))) : softmaxOf(logits);

/** The `top` most likely classes, most likely first; all if there are fewer. */
export function predictionsOf(
  logits: Float32Array,
  classes: readonly string[] | undefined,
  top: number,
  severalLabels = false,
): readonly Prediction[] {
  const scores = probabilitiesOf(logits, severalLabels);
  return topK(logits, Math.min(top, logits.length)).map((index) => ({
    ...{ label: classes?.[index] ?? String(index), score: scores[index], index },
  }));
}
