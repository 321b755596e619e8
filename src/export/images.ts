/** The images that an export is measured on, and those whose activations decide the ranges of its integers. */

import type { Dataset } from "../data/dataset/dataset.js";
import { proceduralDataset } from "../data/sources/procedural.js";
import { UsageError } from "../errors/errors.js";
import { sentence, setting } from "../errors/sentence.js";
import { largestSide } from "../geometry/image-size.js";
import type { PortableSource } from "../portable/source.js";

/** The images that an export is measured on. */
export interface MeasuredImages {
  readonly dataset: Dataset;
  /** Whether their labels are those of the model's classes. */
  readonly labelled: boolean;
}

/** Which images are there, and how many are measured. */
export interface ImageChoice {
  readonly data?: Dataset;
  readonly calibration?: Dataset;
  readonly images?: number;
}

/** The images of an export. */
export interface ExportImages {
  readonly measured: MeasuredImages;
  /** Images to find ranges on, none of which is measured; undefined if no format needs them. */
  readonly calibration?: Dataset;
}

/** Images that an export is measured on unless told. */
const mostMeasured = { given: 500, stored: 64 } as const;

/** Images that ranges are found on. */
const calibrationCount = 32;

/** Chooses them. Throws UsageError where the data has too few images for both. */
export function exportImages(
  { data, calibration, images }: ImageChoice,
  { view }: Pick<PortableSource, "view">,
  calibrated: boolean,
): ExportImages {
  const given = calibrated && calibration ? evenly(calibration, calibrationCount) : undefined;
  const size = Math.max(32, largestSide(view.imageSize));
  if (!data) {
    const dataset = proceduralDataset({ size, count: images ?? mostMeasured.stored, split: "test" });
    const others = () => proceduralDataset({ size, count: calibrationCount, split: "train" });
    return { measured: { dataset, labelled: false }, calibration: calibrated ? (given ?? others()) : undefined };
  }
  const count = images ?? mostMeasured.given;
  if (!calibrated || given) return { measured: { dataset: evenly(data, count), labelled: true }, calibration: given };
  const { some, rest } = apart(data, Math.min(calibrationCount, Math.floor(data.length / 2)));
  if (some.length === 0)
    throw new UsageError(
      sentence`The data to measure on has one image, and ranges are to be found on others; give more images, or others as ${setting("calibration")}.`,
    );
  return { measured: { dataset: evenly(rest, count), labelled: true }, calibration: some };
}

/** At most `count` images of the dataset, evenly spaced. */
function evenly(dataset: Dataset, count: number): Dataset {
  if (dataset.length <= count) return dataset;
  return chosen(dataset, (i) => Math.floor((i * dataset.length) / count), count);
}

/** `count` images of the dataset, evenly spaced, and all others. */
function apart(dataset: Dataset, count: number): { readonly some: Dataset; readonly rest: Dataset } {
  const taken = Array.from({ length: count }, (_, i) => Math.floor((i * dataset.length) / count));
  const isTaken = new Set(taken);
  const others = Array.from({ length: dataset.length }, (_, i) => i).filter((i) => !isTaken.has(i));
  return {
    some: chosen(dataset, (i) => taken[i], count),
    rest: chosen(dataset, (i) => others[i], others.length),
  };
}

const chosen = (dataset: Dataset, at: (i: number) => number, length: number): Dataset => ({
  ...{ ...dataset, length },
  label: (i) => dataset.label(at(i)),
  source: (i) => dataset.source(at(i)),
  describe: (i) => dataset.describe(at(i)),
  key: (i) => dataset.key(at(i)),
});
