/** preprocessor_config.json of transformers and transformers.js. */

import type { Interpolation } from "../../data/pixels/resize.js";
import { UsageError } from "../../errors/errors.js";
import { sentence, setting, way } from "../../errors/sentence.js";
import type { EvaluationView } from "../../evaluation/view.js";
import { beforeCrop, heightAndWidth, sidesOf, sizeInWords } from "../../geometry/image-size.js";
import { type ExportedFile, jsonFile } from "./layout.js";

/** Pillow's numbers of filters. */
const resampling: Readonly<Record<Interpolation, number>> = { nearest: 0, lanczos: 1, bilinear: 2, bicubic: 3 };

/**
 * The file. The processor is that of BiT, the one that every version of transformers and transformers.js understands in
 * the same way: the shorter side is resized, then the centre is cropped.
 */
export function preprocessorConfig({
  imageSize,
  channels,
  cropRatio,
  cropMode,
  interpolation,
  normalization,
}: EvaluationView): ExportedFile {
  if (cropMode === "border")
    throw new UsageError(
      sentence`The model's images get a border (${setting("cropMode", "border")}), which the processors of transformers do not add; choose the layout timm or onnx${way`, or another ${setting("cropMode")}`}.`,
    );
  const [height, width] = heightAndWidth(imageSize);
  if (cropMode === "center" && height !== width)
    throw new UsageError(
      sentence`The model's images are ${sizeInWords(imageSize)} pixels, cut out of the centre, which the processors of transformers do for squares only; choose the layout timm or onnx${way`, or ${setting("cropMode", "squash")}`}.`,
    );
  const resized = sidesOf(beforeCrop(imageSize, cropRatio));
  return jsonFile("preprocessor_config.json", {
    image_processor_type: "BitImageProcessor",
    do_resize: true,
    size: cropMode === "squash" ? resized : { shortest_edge: resized.height },
    resample: resampling[interpolation],
    do_center_crop: true,
    crop_size: { height, width },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: normalization.mean,
    image_std: normalization.std,
    // No processor converts to other channels than RGB: the caller does.
    do_convert_rgb: channels === 3,
  });
}

/** The file for graphs that preprocess: an image's RGB values go in as they are, from 0 to 255. */
export const pixelsAsTheyAre: ExportedFile = jsonFile("preprocessor_config.json", {
  image_processor_type: "BitImageProcessor",
  do_resize: false,
  do_center_crop: false,
  do_rescale: false,
  do_normalize: false,
  do_convert_rgb: true,
});
