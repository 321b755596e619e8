/** The operations of augmentation policies, by timm's names: how a magnitude becomes an argument, and the operation. */
import type { RandomStream } from "../../random/stream.js";
import type { RgbImage } from "../pixels/image.js";
import { type AffineInterpolation, rotate, shearX, shearY, translateX, translateY } from "./affine.js";
import { color } from "./color.js";
import { gaussianBlur, sharpness } from "./filter.js";
import { autoContrast, brightness, contrast, equalize, invert, posterize, solarize, solarizeAdd } from "./tone.js";

/** Settings of all operations of a policy. */
export interface OperationSettings {
  /** `random`: bilinear or bicubic, drawn for each operation. */
  readonly interpolation: AffineInterpolation | "random";
  /** Red, green and blue, 0 to 255, of what an operation moves in from outside the image. */
  readonly fill: readonly [number, number, number];
  /** Pixels that `TranslateX` and `TranslateY` move at full magnitude; timm uses 0.45 of the image's side. */
  readonly translate: number;
}

interface Context {
  readonly interpolation: AffineInterpolation;
  readonly fill: readonly [number, number, number];
}

/** An operation at magnitudes of 0 to 10. */
interface Operation {
  /** The argument at a magnitude; may draw its sign. Absent for operations without one. */
  readonly argument?: (magnitude: number, settings: OperationSettings, stream: RandomStream) => number;
  readonly apply: (image: RgbImage, argument: number, context: Context, stream: RandomStream) => RgbImage;
}

const full = 10;

/** `most` at full magnitude, with a random sign. */
const signed = (most: number) => (m: number, _: OperationSettings, stream: RandomStream) =>
  either((m / full) * most, stream);

function either(value: number, stream: RandomStream): number {
  return stream.uniform() > 0.5 ? -value : value;
}

/** Factors from 0.1 to 1.9; 1 changes nothing. */
const enhance = (m: number): number => (m / full) * 1.8 + 0.1;

/** Factors that move away from 1 in either direction as the magnitude grows. */
const enhanceIncreasing = (m: number, _: OperationSettings, stream: RandomStream): number =>
  Math.max(0.1, 1 + either((m / full) * 0.9, stream));

const bits = (m: number): number => Math.trunc((m / full) * 4);
const threshold = (m: number): number => Math.min(256, Math.trunc((m / full) * 256));
const between = (low: number, high: number) => (m: number) =>
  Math.max(low, Math.min(high, low + ((high - low) * m) / full));

/** Blur of `GaussianBlurRand`: a deviation from 0.1 to twice the argument. */
const blurRange = { least: 0.1, most: 2 };

const table = {
  AutoContrast: { apply: autoContrast },
  Equalize: { apply: equalize },
  Invert: { apply: invert },
  Rotate: { argument: signed(30), apply: rotate },
  Posterize: { argument: bits, apply: posterize },
  PosterizeIncreasing: { argument: (m) => 4 - bits(m), apply: posterize },
  PosterizeOriginal: { argument: (m) => bits(m) + 4, apply: posterize },
  Solarize: { argument: threshold, apply: solarize },
  SolarizeIncreasing: { argument: (m) => 256 - threshold(m), apply: solarize },
  SolarizeAdd: { argument: (m) => Math.min(128, Math.trunc((m / full) * 110)), apply: solarizeAdd },
  Color: { argument: enhance, apply: color },
  ColorIncreasing: { argument: enhanceIncreasing, apply: color },
  Contrast: { argument: enhance, apply: contrast },
  ContrastIncreasing: { argument: enhanceIncreasing, apply: contrast },
  Brightness: { argument: enhance, apply: brightness },
  BrightnessIncreasing: { argument: enhanceIncreasing, apply: brightness },
  Sharpness: { argument: enhance, apply: sharpness },
  SharpnessIncreasing: { argument: enhanceIncreasing, apply: sharpness },
  ShearX: { argument: signed(0.3), apply: shearX },
  ShearY: { argument: signed(0.3), apply: shearY },
  TranslateX: { argument: (m, { translate }, stream) => either((m / full) * translate, stream), apply: translateX },
  TranslateY: { argument: (m, { translate }, stream) => either((m / full) * translate, stream), apply: translateY },
  TranslateXRel: { argument: signed(0.45), apply: (image, share, c) => translateX(image, share * image.width, c) },
  TranslateYRel: { argument: signed(0.45), apply: (image, share, c) => translateY(image, share * image.height, c) },
  Desaturate: { argument: between(0.5, 1), apply: (image, share) => color(image, Math.min(1, Math.max(0, 1 - share))) },
  GaussianBlur: { argument: between(0.1, 2), apply: gaussianBlur },
  GaussianBlurRand: {
    argument: between(0, 1),
    apply: (image, share, _, stream) => gaussianBlur(image, stream.uniform(blurRange.least, blurRange.most * share)),
  },
} as const satisfies Readonly<Record<string, Operation>>;

/** Name of an operation, as in timm. */
export type OperationName = keyof typeof table;

export const operationNames = Object.keys(table) as readonly OperationName[];

const operations: Readonly<Record<OperationName, Operation>> = table;

/** The argument that `name` gets at a magnitude of 0 to 10 (RandAugment, section 3 of its paper); undefined if it takes none. */
export function argumentOf(
  name: OperationName,
  magnitude: number,
  settings: OperationSettings,
  stream: RandomStream,
): number | undefined {
  return operations[name].argument?.(magnitude, settings, stream);
}

/** Applies `name` with a given argument. */
export function applyOperation(
  name: OperationName,
  image: RgbImage,
  argument: number | undefined,
  { interpolation, fill }: OperationSettings,
  stream: RandomStream,
): RgbImage {
  const drawn = interpolation === "random" ? stream.choice(["bilinear", "bicubic"] as const) : interpolation;
  const changed = operations[name].apply(image, argument ?? 0, { interpolation: drawn, fill }, stream);
  // What changes colours leaves alpha as it is.
  return image.alpha && !changed.alpha ? { ...changed, alpha: image.alpha } : changed;
}
