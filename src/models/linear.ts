/** A linear classifier on pixels: the baseline that every other model has to beat. */
import { linear, reshape } from "../tensor/index.js";
import { imagenetNormalization, type Model } from "./model.js";

export function linearClassifier({ imageSize = 32, classes = 10 }: { imageSize?: number; classes?: number }): Model {
  const inputs = imageSize * imageSize * 3;
  return {
    name: "linear",
    config: { imageSize, classes },
    imageSize,
    classes,
    distilled: false,
    normalization: imagenetNormalization,
    cropRatio: 1,
    parameters: [
      { name: "head.weight", shape: [classes, inputs], init: { kind: "zeros" }, decay: true, kind: "parameter" },
      { name: "head.bias", shape: [classes], init: { kind: "zeros" }, decay: false, kind: "parameter" },
    ],
    forward: (context, images) => {
      const pixels = reshape(images, [images.shape[0], inputs]);
      context.observe?.("head.input", () => pixels);
      return { logits: linear(pixels, context.parameter("head.weight"), context.parameter("head.bias")) };
    },
  };
}
