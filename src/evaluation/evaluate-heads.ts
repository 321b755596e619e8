/** Accuracy of all heads of a model in one pass over the data (the three rows of table 3 of the paper). */

import type { Dataset } from "../data/dataset/dataset.js";
import { UsageError } from "../errors/errors.js";
import { sentence, setting } from "../errors/sentence.js";
import { type Head, headsOf } from "../models/context.js";
import { requireFiniteLogits } from "../models/finite.js";
import { logitsAt } from "./heads.js";
import { Accuracy, type EvaluationResult } from "./metrics.js";
import { overCrops } from "./over-crops.js";
import { type PassOptions, passOver } from "./pass.js";
import type { Probe } from "./probe.js";
import { RealAccuracy, type RealLabels, type RealResult } from "./real-labels.js";
import { SeveralAccuracy, type SeveralResult } from "./several-labels.js";

export interface HeadResult extends EvaluationResult, Partial<Pick<SeveralResult, "averagePrecisions">> {
  /** With all correct labels of each image, if given. */
  readonly real?: RealResult;
}

export interface EvaluateHeadsOptions extends PassOptions {
  readonly dataset: Dataset;
  readonly real?: RealLabels;
  /** Called with each sample's index in the dataset and its logits by head. */
  readonly onLogits?: (index: number, logits: (head: Head) => Float32Array) => void;
}

/**
 * Results by head; the probe must derive `headLogits`. Views with several crops are decided together. Throws UsageError if `real` does not contain an image,
 * WeightsError if a logit is not a number.
 */
export async function evaluateHeads(
  probe: Probe,
  { dataset, real, onLogits, ...pass }: EvaluateHeadsOptions,
): Promise<ReadonlyMap<Head, HeadResult>> {
  const { classes } = probe.model;
  const sums = headsOf(probe.model).map((head) => ({
    ...{ head, single: new Accuracy(), multiple: new RealAccuracy() },
    several: dataset.labelsOf && new SeveralAccuracy(classes),
  }));
  for await (const { batch, values } of passOver(overCrops(probe, probe.model), pass)) {
    for (let slot = 0; slot < batch.count; slot++) {
      const index = batch.indices[slot];
      const logits = (head: Head) => logitsAt(values, head, slot);
      for (const { head } of sums) requireFiniteLogits(logits(head), probe.model.name, dataset.describe(index));
      const right = real && rightLabels(real, dataset.key(index));
      if (right) for (const { head, multiple } of sums) multiple.add(logits(head), right);
      onLogits?.(index, logits);
    }
    for (const { head, single, several } of sums) {
      const logits = values.get(head)!.data as Float32Array;
      if (several) several.add(logits, batch.targets!, batch.count);
      else single.add(logits, batch.labels, batch.count, classes);
    }
  }
  return new Map(
    sums.map(({ head, single, multiple, several }) => [
      head,
      { ...(several ?? single).result(), ...(real ? { real: multiple.result() } : {}) },
    ]),
  );
}

function rightLabels(real: RealLabels, image: string): readonly number[] {
  const right = real(image);
  if (right === undefined)
    throw new UsageError(
      sentence`The file of ${setting("real")} has no labels for "${image}"; images must be named ILSVRC2012_val_00000001.JPEG and so on, or as in its keys.`,
    );
  return right;
}
