/** A sentence on a result: how many images were correct, the confidence interval, and the chance level. */
import type { RunSummary } from "../training/run-folder/summary.js";

/** What a result of one label, or of several, is headed with, and its figure in percent. */
export const headed = ({ map, top1 }: { readonly map?: number; readonly top1: number }) =>
  map === undefined ? ({ title: "Top-1", percent: top1 } as const) : ({ title: "mAP", percent: map } as const);

/** Top-5 is informative if guessing five classes is right at most one time in four. */
export const tellsTop5 = (classes: number): boolean => classes >= 20;

/** `12.50 %`, with a non-breaking space. */
export const percentText = (percent: number, digits = 2): string => `${percent.toFixed(digits)}\u00a0%`;

/** Accuracy of random guessing, in percent, for equally frequent classes. */
export const chanceOf = (classes: number): number => 100 / classes;

/** Two-sided normal quantile of 95 %. */
const z = 1.959963984540054;

/** Wilson's score interval (1927) at 95 % for `right` of `images`; both ends are from 0 to 1. */
export function wilsonInterval(right: number, images: number): readonly [number, number] {
  const share = right / images;
  const centre = (share + z ** 2 / (2 * images)) / (1 + z ** 2 / images);
  const half = (z / (1 + z ** 2 / images)) * Math.sqrt((share * (1 - share)) / images + z ** 2 / (4 * images ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** "71 of 100 test images right (71.0 %, 95 % interval 61.5 to 79.0 %); chance 12.5 %."; undefined before the first test. */
export function verdict({ best, manifest }: RunSummary): string | undefined {
  if (!best?.test) return undefined;
  const { top1, images, map } = best.test;
  if (map !== undefined)
    return `Mean average precision ${percentText(map, 1)} on ${images.toLocaleString("en")} test images, over ${manifest.classes.toLocaleString("en")} classes.`;
  const right = Math.round((top1 * images) / 100);
  const [low, high] = wilsonInterval(right, images).map((share) => (100 * share).toFixed(1));
  const number = (n: number) => n.toLocaleString("en");
  return `${number(right)} of ${number(images)} test images right (${percentText(top1, 1)}, 95\u00a0% interval ${low} to ${high}\u00a0%); chance ${percentText(chanceOf(manifest.classes), 1)}.`;
}
