/** What a model takes for images. */
import { UsageError } from "../errors/errors.js";
import { type Channels, channelsExpected, isChannels } from "../geometry/channels.js";
import { heightAndWidth, isImageSize, pixelCount } from "../geometry/image-size.js";
import type { Shape } from "../tensor/index.js";
import type { Model, Normalization } from "./model.js";

/** Shape of a batch: `[batch, height, width, channels]`. */
export const imagesShape = ({ imageSize, channels }: Pick<Model, "imageSize" | "channels">, batch: number): Shape => [
  batch,
  ...heightAndWidth(imageSize),
  channels,
];

/** Numbers of one image, `height · width · channels`: its bytes before it is normalised. */
export const imageLength = ({ imageSize, channels }: Pick<Model, "imageSize" | "channels">): number =>
  channels * pixelCount(imageSize);

/** Throws UsageError for a size of a model's images that is none. */
export function requireImageSize(name: string, imageSize: unknown): void {
  if (!isImageSize(imageSize))
    throw new UsageError(
      `The imageSize of "${name}" is ${JSON.stringify(imageSize)}; it must be a whole number above 0, or two as [height, width].`,
    );
}

/** The channels of a model's images (default: 3). Throws UsageError for a number of them that images do not have. */
export function channelsOf(name: string, channels: unknown = 3): Channels {
  if (isChannels(channels)) return channels;
  throw new UsageError(
    `The number of channels of "${name}" is ${JSON.stringify(channels)}; it must be ${channelsExpected}.`,
  );
}

/**
 * The statistics for images of `channels`: of grayscale the mean of those of the colours, and alpha has that mean beside
 * the colours' own; one number stands for every channel.
 */
export function normalizationFor({ mean, std }: Normalization, channels: Channels): Normalization {
  const fitted = (values: readonly number[]): readonly number[] => {
    if (values.length === channels) return values;
    if (values.length === 1) return Array.from({ length: channels }, () => values[0]);
    const colors = values.slice(0, 3);
    const average = (colors[0] + colors[1] + colors[2]) / 3;
    return channels === 1 ? [average] : channels === 3 ? colors : [...colors, average];
  };
  return { mean: fitted(mean), std: fitted(std) };
}
