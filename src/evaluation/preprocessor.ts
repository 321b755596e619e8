/** The view according to preprocessor_config.json of transformers and pretrained_cfg of timm. */

import type { Interpolation } from "../data/pixels/resize.js";
import { sentence, setting, way } from "../errors/sentence.js";
import {
  asImageSize,
  heightAndWidth,
  type ImageSize,
  isImageSize,
  mostStated,
  sizeInWords,
} from "../geometry/image-size.js";
import type { Normalization } from "../models/model.js";
import { asObject, type JsonObject } from "../system/text/json.js";
import { asNormalization } from "./normalization.js";
import { type Geometry, type Refused, ratioOf, type SaidOfView } from "./view.js";

const side = (value: unknown): number | undefined =>
  typeof value === "number" && isImageSize(value, mostStated) ? value : undefined;

/** A side, or an object of both. */
const sizeIn = (value: unknown): ImageSize | undefined => {
  const both = asObject(value);
  return asImageSize(both ? [both.height, both.width] : value);
};

/** Processors whose single size is that of the shorter side; for the others it is a square. */
const byShorterSide = /^(CLIP|ConvNe[Xx]t|PoolFormer|Bit|MobileNetV[12]|MobileViT|Levit|ViTHybrid)/;
/** Processors that crop the centre by default. */
const cropping = /^(CLIP|DeiT|PoolFormer|Bit|MobileNetV[12]|MobileViT|Levit|ViTHybrid)/;
/** Processors that normalise by 0.5 by default. */
const halves = /^(ViT|DeiT|Beit|ConvNe[Xx]t)/;

const resamplings: readonly (Interpolation | undefined)[] = ["nearest", "lanczos", "bilinear", "bicubic"];

/** Defaults of the processors of these models. */
const defaults: readonly { readonly type: RegExp; readonly fields: JsonObject }[] = [
  { type: /^ViT(Image|Feature)/, fields: { size: 224, resample: 2 } },
  { type: /^DeiT/, fields: { size: 256, resample: 3, do_center_crop: true, crop_size: 224 } },
];

/** The view of transformers' configuration: flags are applied, or refused by name. */
export function ofPreprocessor(given: JsonObject, source: string): SaidOfView {
  const type = String(given.image_processor_type ?? given.feature_extractor_type ?? "");
  const fields = { ...defaults.find((usual) => usual.type.test(type))?.fields, ...given };
  const unknown = unfit(fields, type);
  if (unknown) {
    const refused = { refused: unknown };
    return { source, geometry: refused, normalization: refused };
  }
  const { imageSize, geometry } = geometryOfProcessor(fields, type);
  return {
    source,
    imageSize,
    geometry,
    interpolation: resampling(fields.resample),
    normalization: ofFlags(fields, type),
  };
}

/** Operations on pixels besides resizing, cropping and normalising. */
function unfit(fields: JsonObject, type: string): string | undefined {
  const way = "which deit does not do; give weights for plain RGB images, or remove the file if it is another model's";
  if (fields.do_flip_channel_order === true || (/^MobileViT/.test(type) && fields.do_flip_channel_order !== false))
    return `asks for channels in the order blue, green, red (do_flip_channel_order), ${way}`;
  for (const flag of ["rescale_offset", "do_pad", "do_thumbnail", "do_align_long_axis", "do_grayscale"])
    if (fields[flag] === true) return `asks for ${flag}, ${way}`;
  if (/^EfficientNet/.test(type) && fields.include_top !== false)
    return `asks for a second normalisation (include_top), ${way}`;
  return undefined;
}

/** Pixels of 0 to 255 times `rescale_factor`, less the mean, over the deviation; on deit's scale, where white is 1. */
function ofFlags(fields: JsonObject, type: string): Normalization | Refused | undefined {
  const factor = typeof fields.rescale_factor === "number" ? fields.rescale_factor : 1 / 255;
  const white = fields.do_rescale === false ? 255 : Math.fround(255 * factor) === 1 ? 1 : 255 * factor;
  const over = (values: Normalization["mean"]): Normalization["mean"] => [
    ...([values[0] / white, values[1] / white, values[2] / white] as const),
  ];
  if (!(white > 0)) return { refused: `says rescale_factor ${factor}, which leaves nothing of an image` };
  if (fields.do_normalize === false) return { mean: [0, 0, 0], std: over([1, 1, 1]) };
  const usual = halves.test(type) ? { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } : undefined;
  const given = fields.image_mean === undefined && fields.image_std === undefined ? usual : undefined;
  const found = asNormalization(given ?? { mean: each(fields.image_mean), std: each(fields.image_std) });
  if (found) return { mean: over(found.mean), std: over(found.std) };
  if (fields.do_normalize !== true && fields.image_mean === undefined && fields.image_std === undefined)
    return undefined;
  return {
    refused: sentence`says no mean and deviation of each channel (image_mean, image_std)${way`; give ${setting("normalization")}`}`,
  };
}

/** A single number applies to every channel. */
const each = (value: unknown): unknown => (typeof value === "number" ? [value, value, value] : value);

function geometryOfProcessor(
  fields: JsonObject,
  type: string,
): { imageSize?: ImageSize; geometry?: Geometry | Refused } {
  const crop = (fields.do_center_crop ?? (cropping.test(type) && fields.crop_size !== undefined)) === true;
  const cropSize = sizeIn(fields.crop_size);
  const wayOut = way`; give ${setting("cropRatio")} to decide on the crop yourself`;
  if (crop && cropSize === undefined)
    return { geometry: { refused: sentence`crops to no size that can be told (crop_size)${wayOut}` } };
  if (fields.do_resize === false)
    return {
      imageSize: crop ? cropSize : undefined,
      geometry: {
        refused: sentence`asks for images at their own size (do_resize: false), but a model takes one size${wayOut}`,
      },
    };
  if (fields.size === undefined) return {};
  const size = asObject(fields.size);
  const single = side(fields.size);
  const shorter = side(size?.shortest_edge) ?? (byShorterSide.test(type) ? single : undefined);
  const whole = size ? sizeIn(size) : byShorterSide.test(type) ? undefined : single;
  if (shorter !== undefined) {
    const ratio = typeof fields.crop_pct === "number" && fields.crop_pct > 0 ? fields.crop_pct : undefined;
    // ConvNeXT: from 384 pixels the image is squashed; below that, it is cropped by a ratio.
    if (ratio !== undefined && !crop)
      return {
        imageSize: shorter,
        geometry: shorter >= 384 ? { cropRatio: 1, cropMode: "squash" } : { cropRatio: ratio, cropMode: "center" },
      };
    const resized = Math.floor((/^Levit/.test(type) ? (256 / 224) * shorter : shorter) / (ratio ?? 1));
    if (crop && typeof cropSize !== "number")
      return {
        imageSize: cropSize,
        geometry: {
          refused: sentence`resizes the shorter side to ${shorter} and crops ${sizeInWords(cropSize!)} pixels, which need not lie within${wayOut}`,
        },
      };
    if (crop) return cropTo(cropSize as number, resized, "center");
    return {
      imageSize: shorter,
      geometry: {
        refused: sentence`resizes the shorter side to ${shorter} and crops nothing, but a model takes images of one size${wayOut}`,
      },
    };
  }
  if (whole === undefined)
    return {
      geometry: {
        refused: sentence`resizes to no size that can be told (size ${JSON.stringify(fields.size)})${wayOut}`,
      },
    };
  return crop
    ? cropTo(cropSize!, whole, "squash")
    : { imageSize: whole, geometry: { cropRatio: 1, cropMode: "squash" } };
}

function cropTo(
  crop: ImageSize,
  resized: ImageSize,
  cropMode: Geometry["cropMode"],
): { imageSize: ImageSize; geometry: Geometry | Refused } {
  const [from, to] = [heightAndWidth(resized), heightAndWidth(crop)];
  const refused = (why: string) => ({
    imageSize: crop,
    geometry: {
      refused: sentence`crops ${sizeInWords(crop)} pixels from ${sizeInWords(resized)}, which ${why}${way`; give ${setting("cropRatio", 1)}`}`,
    },
  });
  if (to.some((length, i) => length > from[i])) return refused("pads the image");
  const ratios = to.map((length, i) => ratioOf(length, from[i]));
  const cropRatio = ratios.find((ratio) => to.every((length, i) => Math.floor(length / ratio) === from[i]));
  return cropRatio === undefined
    ? refused("is another share of the height than of the width")
    : { imageSize: crop, geometry: { cropRatio, cropMode } };
}

function resampling(value: unknown): Interpolation | Refused | undefined {
  if (value === undefined || value === null) return undefined;
  const found = typeof value === "number" ? resamplings[value] : undefined;
  return (
    found ?? {
      refused: sentence`resizes by Pillow's filter ${JSON.stringify(value)} (resample), which is not supported${way`; give ${setting("interpolation")}`}`,
    }
  );
}

/** The view of timm's configuration. */
export function ofPretrainedConfig(fields: JsonObject, source: string): SaidOfView {
  const { crop_pct: ratio, crop_mode: mode = "center", interpolation, input_size: input } = fields;
  const size = Array.isArray(input) ? asImageSize(input.slice(1)) : undefined;
  const given = fields.mean !== undefined || fields.std !== undefined;
  return {
    source,
    imageSize: size,
    geometry: typeof ratio === "number" ? geometryOf(ratio, mode) : undefined,
    interpolation: typeof interpolation === "string" ? interpolationOf(interpolation) : undefined,
    normalization:
      asNormalization(fields) ??
      (given
        ? {
            refused: sentence`says no mean and deviation of each channel (mean, std)${way`; give ${setting("normalization")}`}`,
          }
        : undefined),
  };
}

/** timm's crop_pct and crop_mode. */
export const geometryOf = (ratio: unknown, mode: unknown): Geometry | Refused =>
  (mode === "center" || mode === "squash" || mode === "border") && typeof ratio === "number" && ratio > 0 && ratio <= 1
    ? { cropRatio: ratio, cropMode: mode }
    : {
        refused: sentence`says crop_mode ${JSON.stringify(mode)} and crop_pct ${JSON.stringify(ratio)}, which cannot be done${way`; give ${setting("cropRatio")}`}`,
      };

const kinds: readonly unknown[] = ["nearest", "lanczos", "bilinear", "bicubic"] satisfies Interpolation[];

/** timm's name of an interpolation. */
export const interpolationOf = (name: unknown): Interpolation | Refused =>
  kinds.includes(name)
    ? (name as Interpolation)
    : { refused: sentence`resizes by ${JSON.stringify(name)}${way`; give ${setting("interpolation")}`}` };
