/** Progressive sizes: the first epochs of a run see smaller images. */
import { UsageError } from "../../errors/errors.js";
import { type ImageSize, pixelCount, sizeInWords } from "../../geometry/image-size.js";
import type { Model } from "../../models/model.js";
import { modelAt } from "../../models/model-at.js";
import { epochsWithin } from "./epoch-share.js";
import type { Recipe } from "./schema.js";

type Scheduled = Pick<Recipe, "sizeSchedule" | "epochs">;

/** A size, and the epoch before which images have it, counted from 0. */
interface Stage {
  readonly size: ImageSize;
  readonly end: number;
}

const stagesOf = ({ sizeSchedule = [], epochs }: Scheduled): readonly Stage[] =>
  sizeSchedule.map(([size, until]) => ({ size, end: epochsWithin(until, epochs) }));

/** The size of the images of an epoch (the first is 0). */
export const sizeInEpoch = (recipe: Scheduled, { imageSize }: Pick<Model, "imageSize">, epoch: number): ImageSize =>
  stagesOf(recipe).find(({ end }) => epoch < end)?.size ?? imageSize;

/** Throws UsageError for a schedule without an epoch for each of its sizes and the model's own, or where views have one size. */
export function refuseUnfittingSizes(recipe: Recipe): void {
  const { sizeSchedule, epochs, cropMode, frozenViews, teacherCache, features } = recipe;
  if (!sizeSchedule) return;
  const ends = [0, ...stagesOf(recipe).map(({ end }) => end), epochs];
  const empty = ends.slice(1).findIndex((end, i) => end <= ends[i]);
  if (empty >= 0) {
    const which = sizeSchedule[empty] ? `the size ${sizeInWords(sizeSchedule[empty][0])}` : "the model's own size";
    throw new UsageError(
      `sizeSchedule is ${JSON.stringify(sizeSchedule)}, which leaves no epoch of ${epochs} for ${which}; list each size with a share of the epochs above that of the one before, and the last below 1, or set more epochs.`,
    );
  }
  const reason =
    cropMode === "native"
      ? "cropMode=native gives images sizes of their own"
      : frozenViews !== undefined
        ? "features of a frozen part (frozenViews) are stored for images of one size"
        : teacherCache !== undefined
          ? "answers of a teacher (teacherCache) are stored for images of one size"
          : features
            ? "layers of student and teacher (features) are compared on one grid of patches"
            : undefined;
  if (reason) throw new UsageError(`sizeSchedule changes the size of images, but ${reason}; remove one of them.`);
}

/** Throws UsageError for a size that the model cannot look at, or that is not below its own. */
export function requireSmallerSizes(model: Model, recipe: Scheduled): void {
  for (const { size } of stagesOf(recipe)) {
    modelAt(model, size);
    if (pixelCount(size) >= pixelCount(model.imageSize))
      throw new UsageError(
        `sizeSchedule has images of ${sizeInWords(size)} pixels, no fewer than those of "${model.name}" (${sizeInWords(model.imageSize)}), which the last epochs see; list smaller sizes, or set a larger imageSize.`,
      );
  }
}

/** Throws UsageError for a teacher outside of the step's program. */
export function refuseTeacherOfOneSize({
  sizeSchedule,
  teacherWeights,
}: Pick<Recipe, "sizeSchedule" | "teacherWeights">): void {
  if (sizeSchedule)
    throw new UsageError(
      `"${teacherWeights}" teaches on images of one size, and sizeSchedule changes it; give weights of one of deit's models, or remove sizeSchedule.`,
    );
}

/** What a run tells about the sizes of its images. */
export function sizeSentences(recipe: Scheduled, { imageSize }: Pick<Model, "imageSize">): readonly string[] {
  const stages = stagesOf(recipe);
  if (stages.length === 0) return [];
  const told = stages.map(({ size, end }) => `of ${sizeInWords(size)} pixels up to epoch ${end}`).join(", ");
  return [
    `Images are ${told}, and then of ${sizeInWords(imageSize)} (sizeSchedule); the program of each size is compiled when its first batch comes.`,
  ];
}
