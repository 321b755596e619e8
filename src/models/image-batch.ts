/** What a model takes for images. */
import { UsageError } from "../errors/errors.js";
import { heightAndWidth, isImageSize, pixelCount } from "../geometry/image-size.js";
import type { Shape } from "../tensor/index.js";
import type { Model } from "./model.js";

const channels = 3;

/** Shape of a batch: `[batch, height, width, channels]`. */
export const imagesShape = ({ imageSize }: Pick<Model, "imageSize">, batch: number): Shape => [
  batch,
  ...heightAndWidth(imageSize),
  channels,
];

/** Numbers of one image, `height · width · channels`: its bytes before it is normalised. */
export const imageLength = ({ imageSize }: Pick<Model, "imageSize">): number => channels * pixelCount(imageSize);

/** Throws UsageError for a size of a model's images that is none. */
export function requireImageSize(name: string, imageSize: unknown): void {
  if (!isImageSize(imageSize))
    throw new UsageError(
      `The imageSize of "${name}" is ${JSON.stringify(imageSize)}; it must be a whole number above 0, or two as [height, width].`,
    );
}
