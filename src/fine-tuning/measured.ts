/** How right answers are: loss and accuracy over examples, and which class is taken for which. */
import { softmaxOf, topK } from "../evaluation/metrics.js";
import type { FineTuneEpoch, HeldOut } from "./options.js";

/** Logits of some examples, `[examples, classes]`, and their labels. */
export interface Answers {
  readonly logits: readonly Float32Array[];
  readonly labels: readonly number[];
}

/** Mean cross entropy, and the share of right answers in percent. */
export function measured({ logits, labels }: Answers): NonNullable<FineTuneEpoch["validation"]> {
  let [loss, right] = [0, 0];
  for (const [i, row] of logits.entries()) {
    loss -= Math.log(Math.max(softmaxOf(row)[labels[i]], Number.MIN_VALUE));
    if (topK(row, 1)[0] === labels[i]) right++;
  }
  return { top1: (100 * right) / labels.length, loss: loss / labels.length };
}

/** The result on examples that were held out; undefined if there are none. */
export function heldOutResult({ logits, labels }: Answers, classes: readonly string[]): HeldOut | undefined {
  if (labels.length === 0) return undefined;
  const confusion = classes.map(() => classes.map(() => 0));
  for (const [i, row] of logits.entries()) confusion[labels[i]][topK(row, 1)[0]]++;
  return { top1: measured({ logits, labels }).top1, count: labels.length, confusion, classes };
}
