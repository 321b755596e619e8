/** A linear classifier on pixels: the baseline that every other model has to beat. */

import { type ImageSize, plainSize } from "../geometry/image-size.js";
import { reshape } from "../tensor/index.js";
import { modelOf } from "./declared.js";
import { imageLength, requireImageSize } from "./image-batch.js";
import { layersOf } from "./layers.js";
import { imagenetNormalization, type Model } from "./model.js";

export function linearClassifier({
  imageSize: given = 32,
  classes = 10,
}: {
  imageSize?: ImageSize;
  classes?: number;
}): Model {
  requireImageSize("linear", given);
  const imageSize = plainSize(given);
  return modelOf({
    name: "linear",
    config: { imageSize, classes },
    imageSize,
    classes,
    distilled: false,
    normalization: imagenetNormalization,
    cropRatio: 1,
    forward: (context, images) => {
      const pixels = reshape(images, [images.shape[0], imageLength({ imageSize })]);
      return { logits: layersOf(context).head("head", pixels, classes, { kind: "zeros" }) };
    },
  });
}
