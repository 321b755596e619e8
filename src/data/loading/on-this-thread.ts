/** What the caller's own functions do for a batch: they cannot travel to worker threads, so they run on this one. */

import { DeitError, TrainingError } from "../../errors/errors.js";
import { messageOf, reasonOf } from "../../errors/message-of.js";
import type { Channels } from "../../geometry/channels.js";
import { type ImageSize, sidesOf } from "../../geometry/image-size.js";
import { RandomStream } from "../../random/stream.js";
import { type RgbImage, wholeBox } from "../pixels/image.js";
import type { PixelImage } from "../pixels/pixel-image.js";
import { packed, seenIn, unpacked } from "../view/channels.js";
import type { ViewKey } from "../view/view.js";
import type { BadSample, LoaderJob } from "./job.js";

/**
 * Changes a training image after crop, flips and the recipe's own augmentation, as the model is to see it: 8-bit RGB of the
 * model's size in, and out, which becomes grayscale for a model of one channel. All randomness must come from `random`, which is a function of seed, epoch, sample and view, so
 * that a resumed run sees the same images.
 */
export type OwnAugmentation = (image: RgbImage, random: RandomStream) => PixelImage | Promise<PixelImage>;

type Sample = LoaderJob["samples"][number];

/** Callbacks that run concurrently. */
const atOnce = 16;

/** The samples with what callbacks have read of them, and those that could not be read. */
export async function readCallbacks(
  samples: readonly Sample[],
): Promise<{ readonly samples: readonly Sample[]; readonly bad: readonly BadSample[] }> {
  if (!samples.some(({ source }) => source.kind === "callback")) return { samples, bad: [] };
  const read = new Array<Sample | undefined>(samples.length);
  const bad: BadSample[] = [];
  let next = 0;
  const work = async () => {
    while (next < samples.length) {
      const at = next++;
      const sample = samples[at];
      const { slot, index, source } = sample;
      try {
        read[at] = source.kind === "callback" ? { ...sample, source: await source.read() } : sample;
      } catch (error) {
        bad.push({ slot, index, message: messageOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, samples.length) }, work));
  return { samples: read.filter((sample) => sample !== undefined), bad: bad.sort((a, b) => a.slot - b.slot) };
}

/** What a picture to augment is like, and whose it is. */
interface OwnPlace {
  readonly size: ImageSize;
  readonly channels: Channels;
  readonly key: ViewKey;
  /** Number of the picture in its view. */
  readonly picture: number;
  readonly name: string;
}

/** Augments a picture in place, `height · width · channels` bytes. Throws TrainingError if it fails or returns another size. */
export async function augmentOwn(
  augmentation: OwnAugmentation,
  pixels: Uint8Array,
  { size, channels, key, picture, name }: OwnPlace,
): Promise<void> {
  const purpose = picture === 0 ? "own augmentation" : `own augmentation ${picture}`;
  const stream = new RandomStream({ ...key, purpose });
  const view = sidesOf(size);
  // Memory of its own: the function may change it or keep it.
  const shown = unpacked(channels, view, Uint8Array.from(pixels));
  let made: PixelImage;
  try {
    made = await augmentation(shown, stream);
  } catch (error) {
    if (error instanceof DeitError) throw error;
    throw new TrainingError(`The augmentation failed on "${name}": ${reasonOf(error)}`, { cause: error });
  }
  const { width, height, data } = made ?? {};
  const bytes = 3 * view.width * view.height;
  const ofAlpha = channels === 4 && data?.length === 4 * view.width * view.height;
  if (width === view.width && height === view.height && (data?.length === bytes || ofAlpha)) {
    const changed = ofAlpha ? unpacked(4, view, Uint8Array.from(data)) : { ...shown, data: Uint8Array.from(data) };
    return pixels.set(packed(channels, seenIn(channels, { ...changed, ...wholeBox(view) })));
  }
  const found = data ? `${width}×${height} pixels in ${data.length} bytes` : "no image";
  throw new TrainingError(
    `The augmentation made ${found} of "${name}"; it must return { width: ${view.width}, height: ${view.height}, data } with ${bytes} bytes (RGB).`,
  );
}
