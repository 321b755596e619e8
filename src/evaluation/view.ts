/** How images are preprocessed for a model in evaluation, and where that is stated. */

import { type CropMode, cropModes, type Rgb } from "../data/pixels/fit.js";
import { halfEven } from "../data/pixels/half-even.js";
import type { Exif } from "../data/pixels/orientation.js";
import { type Interpolation, interpolations } from "../data/pixels/resize.js";
import type { EvaluationTransform } from "../data/view/transform.js";
import { UsageError, WeightsError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { type Message, sentence, setting, way } from "../errors/sentence.js";
import { type Channels, statedChannels } from "../geometry/channels.js";
import { type ImageSize, imageSizeOption, isImageSize } from "../geometry/image-size.js";
import { normalizationFor } from "../models/image-batch.js";
import type { Model, Normalization } from "../models/model.js";
import { nativeSizesOf, sizesOf } from "../models/model-at.js";
import { type NormalizationChoice, normalizationOf } from "./normalization.js";

/** The crop of an image: its centre after resizing to ⌊size / cropRatio⌋ in one of three ways. */
export interface Geometry {
  /** Size of the crop divided by the size to which the image is resized (crop_pct of timm), between 0 and 1. */
  readonly cropRatio: number;
  /**
   * `center` keeps the shape of the image and cuts out the centre; `squash` resizes it to the shape of the
   * input; `border` keeps its shape and all of it, with a border around it (letterbox); `native` gives the input
   * nearly the shape of the image, with as many patches, whose positions are interpolated.
   */
  readonly cropMode: CropMode;
  /** Colour of that border, in bytes (default: the mean of the normalisation, as in timm). */
  readonly borderColor?: Rgb;
}

/** The colour of a border that the normalisation makes nearly zero: its mean, in bytes. */
export const meanColor = (normalization: Normalization): Rgb => {
  const [r, g, b] = normalizationFor(normalization, 3).mean.map((m) => Math.min(255, Math.max(0, halfEven(255 * m))));
  return [r, g, b];
};

/** How images are preprocessed for a model in evaluation. */
export interface EvaluationView extends Geometry {
  /** Size of the model's input in pixels; of a square, one number. */
  readonly imageSize: ImageSize;
  /** Of the mode `native`: sizes of views; that of an image is the one whose aspect ratio is nearest to its own. */
  readonly nativeSizes?: readonly ImageSize[];
  /** Channels of the model's input: 1 (grayscale), 3 (RGB) or 4 (RGBA). */
  readonly channels: Channels;
  /** Filter that resizes the image. */
  readonly interpolation: Interpolation;
  /** Mean and standard deviation of each channel, applied inside the program to pixels from 0 to 1. */
  readonly normalization: Normalization;
  /** Whether an image is rotated according to its metadata. */
  readonly exif: Exif;
}

/** A statement that is not supported: the end of a sentence about its source. */
export interface Refused {
  readonly refused: Message;
}

/** A view as stated by one source. */
export interface SaidOfView {
  /** A file, or a description of it. */
  readonly source: string;
  readonly imageSize?: ImageSize;
  readonly geometry?: Geometry | Refused;
  readonly interpolation?: Interpolation | Refused;
  readonly normalization?: Normalization | Refused;
  readonly exif?: Exif;
}

/** The user's choice, which takes precedence over everything else. */
export interface ViewChoice {
  /** Size of what the model sees in pixels: one number for a square, or `[height, width]`. */
  readonly imageSize?: ImageSize;
  /**
   * Share of the resized image that is kept (crop_pct of timm), between 0 and 1; the crop is a centre crop then, unless
   * `cropMode` says otherwise.
   */
  readonly cropRatio?: number;
  /** How an image of another shape fills the model's input; `squash` and `border` show all of it, `native` nearly, unless `cropRatio` is less. */
  readonly cropMode?: CropMode;
  /** Colour of a border in bytes (default: the mean of the normalisation); only with the crop mode `border`. */
  readonly borderColor?: Rgb;
  /** Filter that resizes images. */
  readonly interpolation?: Interpolation;
  /** How pixels are normalised, by name or as mean and deviation of each channel. */
  readonly normalization?: NormalizationChoice;
  /** Whether an image is turned as its EXIF orientation says. */
  readonly exif?: Exif;
}

/** Throws UsageError for a value that is not allowed. */
function sayingOf(model: Seer, choice: ViewChoice): SaidOfView {
  const { imageSize, cropRatio, cropMode, borderColor, interpolation, normalization, exif } = choice;
  if (imageSize !== undefined && !isImageSize(imageSize))
    throw new UsageError(
      sentence`${setting("imageSize")} is ${JSON.stringify(imageSize)}; give ${imageSizeOption.expected}.`,
    );
  if (cropRatio !== undefined && !(cropRatio > 0 && cropRatio <= 1))
    throw new UsageError(sentence`${setting("cropRatio")} is ${String(cropRatio)}; give a number above 0, at most 1.`);
  if (cropMode !== undefined && !cropModes.includes(cropMode))
    throw new UsageError(
      sentence`There is no ${setting("cropMode")} ${quoted(String(cropMode))}; choose ${cropModes.join(", ")}.`,
    );
  if (borderColor !== undefined && cropMode !== "border")
    throw new UsageError(
      sentence`${setting("borderColor")} is the colour of a border; also set ${setting("cropMode", "border")}.`,
    );
  if (borderColor !== undefined && !isRgb(borderColor))
    throw new UsageError(
      sentence`${setting("borderColor")} is ${JSON.stringify(borderColor)}; give red, green and blue as whole numbers from 0 to 255.`,
    );
  if (interpolation !== undefined && !interpolations.includes(interpolation))
    throw new UsageError(
      sentence`There is no ${setting("interpolation")} ${quoted(String(interpolation))}; choose ${interpolations.join(", ")}.`,
    );
  if (exif !== undefined && exif !== "apply" && exif !== "ignore")
    throw new UsageError(sentence`${setting("exif")} is ${quoted(String(exif))}; choose apply or ignore.`);
  return {
    source: "the options",
    imageSize,
    geometry: cropRatio === undefined && cropMode === undefined ? undefined : geometryFor(model, choice),
    interpolation,
    normalization: normalization === undefined ? undefined : normalizationOf(normalization, model.channels),
    exif,
  };
}

const isRgb = (color: unknown): color is Rgb =>
  Array.isArray(color) && color.length === 3 && color.every((v) => Number.isInteger(v) && v >= 0 && v <= 255);

/** The crop by a choice: a mode that shows all of an image has the ratio 1 unless another is given. */
export function geometryFor(
  { cropRatio: own }: Pick<Model, "cropRatio">,
  { cropRatio, cropMode = "center", borderColor }: Pick<ViewChoice, "cropRatio" | "cropMode" | "borderColor">,
): Geometry {
  const ratio = cropRatio ?? (cropMode === "center" ? own : 1);
  return { cropRatio: ratio, cropMode, ...(borderColor ? { borderColor } : {}) };
}

/** A model's own preprocessing. */
type Seer = Pick<Model, "name" | "imageSize" | "channels" | "tokens" | "sizeMultiple" | "cropRatio" | "normalization">;

/** The default preprocessing for a model. */
export const defaultView = ({
  imageSize,
  channels,
  cropRatio,
  normalization,
}: Pick<Seer, "imageSize" | "channels" | "cropRatio" | "normalization">): EvaluationView => ({
  ...{ imageSize, channels, cropRatio, cropMode: "center", interpolation: "bicubic", normalization, exif: "ignore" },
});

/**
 * The view of `model`, whose resolution is already fixed: for each part, the first source that states it is used, or
 * else the model's own. `notes` are sentences on parts not chosen by the user that differ from the model's own. Throws
 * WeightsError if the used source is not supported.
 */
export function resolveView(
  model: Seer,
  chosen: ViewChoice,
  said: readonly SaidOfView[],
): { readonly view: EvaluationView; readonly notes: readonly string[] } {
  const own = defaultView(model);
  const user = sayingOf(model, chosen);
  const notes = new Map<string, string[]>();
  const pick = <T>(of: (s: SaidOfView) => T | Refused | undefined, or: T, words: (value: T) => string): T => {
    for (const one of [user, ...said]) {
      const value = of(one);
      if (value === undefined) continue;
      if (isRefused(value)) throw new WeightsError(sentence`${one.source} ${value.refused}.`);
      const differs = JSON.stringify(value) !== JSON.stringify(or);
      if (differs && one !== user) notes.set(one.source, [...(notes.get(one.source) ?? []), words(value)]);
      return value;
    }
    return or;
  };
  const { cropRatio, cropMode, borderColor } = pick(
    (s) => s.geometry,
    { cropRatio: own.cropRatio, cropMode: own.cropMode },
    inWords.geometry,
  );
  const interpolation = pick(
    (s) => s.interpolation,
    own.interpolation,
    (value) => `resized by ${value} interpolation`,
  );
  const normalization = pick(
    ({ normalization: one }) => (one && !isRefused(one) ? normalizationFor(one, model.channels) : one),
    own.normalization,
    inWords.normalization,
  );
  const view: EvaluationView = {
    ...{ imageSize: model.imageSize, channels: model.channels, cropRatio, cropMode },
    ...(cropMode === "border" ? { borderColor: borderColor ?? meanColor(normalization) } : {}),
    ...(cropMode === "native" ? { nativeSizes: sizesFor(model, chosen) } : {}),
    interpolation,
    normalization,
    exif: pick((s) => s.exif, own.exif, inWords.exif),
  };
  return {
    view,
    notes: [...notes].map(
      ([source, parts]) => `Images are preprocessed as described by ${source}: ${parts.join(", ")}.`,
    ),
  };
}

/** Sizes of the mode `native`; where weights state it, a size that they do not state may have too few patches for another shape. */
const sizesFor = (model: Seer, { cropMode }: ViewChoice): readonly ImageSize[] =>
  cropMode === "native" ? nativeSizesOf(model) : sizesOf(model);

const isRefused = (value: unknown): value is Refused =>
  typeof value === "object" && value !== null && "refused" in value;

const round = (n: number): string => String(Number(n.toPrecision(4)));

const modesInWords: Readonly<Record<CropMode, string>> = {
  center: "cropped in the centre",
  squash: "squashed to the shape of the input",
  border: "fitted into the input with a border",
  native: "seen in their native aspect ratio",
};

const inWords = {
  geometry: ({ cropRatio, cropMode }: Geometry) =>
    `${modesInWords[cropMode]}${cropRatio === 1 ? "" : `, crop ratio ${round(cropRatio)}`}`,
  normalization: ({ mean, std }: Normalization) =>
    `normalised by mean ${mean.map(round).join(" ")} and deviation ${std.map(round).join(" ")}`,
  exif: (exif: Exif) => (exif === "apply" ? "turned as EXIF asks" : "not turned as EXIF asks"),
};

const black: Normalization = { mean: [0, 0, 0], std: [1, 1, 1] };

/** The view as the loader's transform; with several crops, if `withCrops` asks for them. */
export const evaluationTransform = (
  view: Omit<EvaluationView, "normalization" | "exif"> &
    Pick<EvaluationTransform, "crops"> & { readonly normalization?: Normalization },
): EvaluationTransform => ({
  ...{ kind: "evaluation", size: view.imageSize, cropRatio: view.cropRatio, cropMode: view.cropMode },
  borderColor: view.cropMode === "border" ? (view.borderColor ?? meanColor(view.normalization ?? black)) : undefined,
  ...{ interpolation: view.interpolation, crops: view.crops },
  ...(view.nativeSizes ? { nativeSizes: view.nativeSizes } : {}),
  ...statedChannels(view.channels),
});

/** Throws UsageError for images in their native aspect ratio; `what`, such as "An exported file takes", has one size for all. */
export function requireOneSize({ cropMode }: Pick<EvaluationView, "cropMode">, what: string): void {
  if (cropMode === "native")
    throw new UsageError(
      sentence`${what} images of one size, but this model sees them in their native aspect ratio${way`; choose another ${setting("cropMode")}, such as ${setting("cropMode", "center")}`}.`,
    );
}

/** The same model with this view. */
export const seeing = (model: Model, { normalization, cropRatio }: EvaluationView): Model => ({
  ...{ ...model, normalization, cropRatio },
});

/** The ratio at which ⌊crop / ratio⌋ is exactly `resized`. */
export function ratioOf(crop: number, resized: number): number {
  const ratio = crop / resized;
  return Math.floor(crop / ratio) === resized ? ratio : crop / (resized + 1e-6);
}
