/** Where the images of a run come from: a path of any format, or a dataset of the caller's own. */

import type { Dataset, OpenOptions, PartName, SplitRule } from "../../data/dataset/dataset.js";
import type { OnOpening } from "../../data/dataset/opening.js";
import { partOf } from "../../data/dataset/split.js";
import { openTrainingData } from "../../data/sources/training-classes.js";
import { UsageError } from "../../errors/errors.js";
import type { TrainEvent } from "../run-folder/events.js";

/** A path, or a dataset that is already open. */
export type DataPlace = string | Dataset;

/** The name of the data in messages and in the run folder. */
export const placeName = (place: DataPlace): string => (typeof place === "string" ? place : place.name);

/** The training part, with at least two classes. The caller's own dataset is divided only by a rule. */
export async function openForTraining(
  place: DataPlace,
  { rule, signal, onProgress }: Pick<OpenOptions, "rule" | "signal" | "onProgress">,
): Promise<Dataset> {
  if (typeof place === "string") return openTrainingData(place, { rule, signal, onProgress });
  const dataset = ownPart(place, rule, "train");
  for (let i = 0; i < dataset.length; i++) requireLabel(dataset, i);
  if (dataset.labelsOf) return dataset;
  const first = dataset.length > 0 ? dataset.label(0) : 0;
  for (let i = 1; i < dataset.length; i++) if (dataset.label(i) !== first) return dataset;
  throw new UsageError(
    `The ${dataset.length} images of "${dataset.name}" are not of two classes or more, so there is nothing to learn; give images of each class.`,
  );
}

/** A part of the caller's own dataset, as the rule divides it. */
export const ownPart = (dataset: Dataset, rule: SplitRule | undefined, part: PartName): Dataset =>
  partOf(dataset, rule ?? { kind: "given" }, part);

/** The caller's own dataset for evaluation; its classes must be those of the data. */
export function ownMeasured(dataset: Dataset, classes: readonly string[]): Dataset {
  const differs = dataset.classes.findIndex((name, i) => name !== classes[i]);
  if (differs >= 0 || dataset.classes.length !== classes.length)
    throw new UsageError(
      `The classes of "${dataset.name}" are not those of the training images in their order (${dataset.classes.length} and ${classes.length}); give it the same list.`,
    );
  for (let i = 0; i < dataset.length; i++) requireLabel(dataset, i);
  return dataset;
}

function requireLabel({ name, classes, label, describe }: Dataset, index: number): void {
  const found = label(index);
  if (Number.isInteger(found) && found >= 0 && found < classes.length) return;
  throw new UsageError(
    `The label of ${describe(index)} in "${name}" is ${found}; give a whole number from 0 to ${classes.length - 1}, the index of its class.`,
  );
}

/** The listener for data that is opened, whose reports are events of the training. */
export const openingOf =
  (onEvent: ((event: TrainEvent) => void) | undefined): OnOpening =>
  (progress) =>
    onEvent?.({ kind: "opening", ...progress });
