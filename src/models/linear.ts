/** A linear classifier on pixels: the baseline that every other model has to beat. */
import { reshape } from "../tensor/index.js";
import { modelOf } from "./declared.js";
import { layersOf } from "./layers.js";
import { imagenetNormalization, type Model } from "./model.js";

export function linearClassifier({ imageSize = 32, classes = 10 }: { imageSize?: number; classes?: number }): Model {
  return modelOf({
    name: "linear",
    config: { imageSize, classes },
    imageSize,
    classes,
    distilled: false,
    normalization: imagenetNormalization,
    cropRatio: 1,
    forward: (context, images) => {
      const pixels = reshape(images, [images.shape[0], imageSize * imageSize * 3]);
      return { logits: layersOf(context).head("head", pixels, classes, { kind: "zeros" }) };
    },
  });
}
