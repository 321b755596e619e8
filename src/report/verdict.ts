/** How good a result is, in a sentence: how many images were right, how sure that is, and what chance would give. */
import type { RunSummary } from "../training/run-folder/summary.js";

/** Top-5 says something where guessing five of the classes is right at most one time in four. */
export const tellsTop5 = (classes: number): boolean => classes >= 20;

/** `12.50 %`, with a space that does not break. */
export const percentText = (percent: number, digits = 2): string => `${percent.toFixed(digits)}\u00a0%`;

/** What deciding blindly would give, in percent, where all classes are as frequent. */
export const chanceOf = (classes: number): number => 100 / classes;

/** Two-sided normal quantile of 95 %. */
const z = 1.959963984540054;

/** Wilson's score interval (1927) of a share, at 95 %: `right` of `images`, both ends from 0 to 1. */
export function wilsonInterval(right: number, images: number): readonly [number, number] {
  const share = right / images;
  const centre = (share + z ** 2 / (2 * images)) / (1 + z ** 2 / images);
  const half = (z / (1 + z ** 2 / images)) * Math.sqrt((share * (1 - share)) / images + z ** 2 / (4 * images ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** "71 of 100 test images right (71.0 %, 95 % interval 61.5 to 79.0 %); chance 12.5 %."; undefined before the first test. */
export function verdict({ best, manifest }: RunSummary): string | undefined {
  if (!best?.test) return undefined;
  const { top1, images } = best.test;
  const right = Math.round((top1 * images) / 100);
  const [low, high] = wilsonInterval(right, images).map((share) => (100 * share).toFixed(1));
  const number = (n: number) => n.toLocaleString("en");
  return `${number(right)} of ${number(images)} test images right (${percentText(top1, 1)}, 95\u00a0% interval ${low} to ${high}\u00a0%); chance ${percentText(chanceOf(manifest.classes), 1)}.`;
}
