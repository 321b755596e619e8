/** The published RegNetY sizes: points in the design space (timm's names; the number is GFLOPs times ten). */
import type { Model } from "./model.js";
import { type RegnetConfig, type RegnetDesign, regnety } from "./regnet.js";

/** depth, initial width, slope, factor, group width */
const designs: Readonly<Record<string, readonly [number, number, number, number, number]>> = {
  regnety_002: [13, 24, 36.44, 2.49, 8],
  regnety_004: [16, 48, 27.89, 2.09, 8],
  regnety_006: [15, 48, 32.54, 2.32, 16],
  regnety_008: [14, 56, 38.84, 2.4, 16],
  regnety_016: [27, 48, 20.71, 2.65, 24],
  regnety_032: [21, 80, 42.63, 2.66, 24],
  regnety_040: [22, 96, 31.41, 2.24, 64],
  regnety_064: [25, 112, 33.22, 2.27, 72],
  regnety_080: [17, 192, 76.82, 2.19, 56],
  regnety_120: [19, 168, 73.36, 2.37, 112],
  regnety_160: [18, 200, 106.23, 2.48, 112],
  regnety_320: [20, 232, 115.89, 2.53, 232],
};

/** timm's names of those whose widths differ in torchvision. */
const torchvisions: Readonly<Record<string, string>> = {
  regnety_008_tv: "regnety_008",
  regnety_080_tv: "regnety_080",
};

/** Small enough for images of 32 pixels on a CPU: 0.6 M parameters, three stages. */
const small: RegnetDesign & Partial<RegnetConfig> = {
  ...{ depth: 6, initialWidth: 32, slope: 18, factor: 2, groupWidth: 16 },
  imageSize: 32,
  stemStride: 1,
};

/** A constructor per name. */
export const regnetConstructors: Readonly<Record<string, (options: Partial<RegnetConfig>) => Model>> = {
  /** Any point of the design space (default: a small one). */
  regnety: (o) => regnety("regnety", small, o),
  ...Object.fromEntries(Object.keys(designs).map((name) => [name, published(name, name, {})])),
  ...Object.fromEntries(
    Object.entries(torchvisions).map(([name, design]) => [name, published(name, design, { keepsWidth: true })]),
  ),
};

function published(
  name: string,
  design: string,
  rounding: Pick<RegnetConfig, "keepsWidth">,
): (options: Partial<RegnetConfig>) => Model {
  const [depth, initialWidth, slope, factor, groupWidth] = designs[design];
  return ({ imageSize = 224, classes = 1000, dropPath = 0 }) =>
    regnety(name, { depth, initialWidth, slope, factor, groupWidth }, { imageSize, classes, dropPath, ...rounding });
}
