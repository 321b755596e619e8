/** A linear classifier on pixels: the baseline that every other model has to beat. */

import { type Channels, statedChannels } from "../geometry/channels.js";
import { type ImageSize, plainSize } from "../geometry/image-size.js";
import { reshape } from "../tensor/index.js";
import { modelOf } from "./declared.js";
import { channelsOf, imageLength, normalizationFor, requireImageSize } from "./image-batch.js";
import { layersOf } from "./layers.js";
import { imagenetNormalization, type Model } from "./model.js";

export function linearClassifier({
  imageSize: given = 32,
  channels: asked,
  classes = 10,
}: {
  imageSize?: ImageSize;
  channels?: Channels;
  classes?: number;
}): Model {
  requireImageSize("linear", given);
  const imageSize = plainSize(given);
  const channels = channelsOf("linear", asked);
  return modelOf({
    name: "linear",
    config: { imageSize, classes, ...statedChannels(channels) },
    imageSize,
    channels,
    classes,
    distilled: false,
    normalization: normalizationFor(imagenetNormalization, channels),
    cropRatio: 1,
    forward: (context, images) => {
      const pixels = reshape(images, [images.shape[0], imageLength({ imageSize, channels })]);
      return { logits: layersOf(context).head("head", pixels, classes, { kind: "zeros" }) };
    },
  });
}
