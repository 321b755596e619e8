/** How images are normalised: by a common name, or by mean and standard deviation per channel. */
import { z } from "zod";
import { UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { sentence, setting } from "../errors/sentence.js";
import { type Channels, isChannels } from "../geometry/channels.js";
import { normalizationFor } from "../models/image-batch.js";
import { imagenetNormalization, type Normalization } from "../models/model.js";

/** One number for each channel that images may have. */
const perChannel = (each: z.ZodNumber) =>
  z.array(each).refine((values) => isChannels(values.length), "it has not one number for each channel, 1, 3 or 4");

/** Mean and standard deviation as given by a file or an option. */
export const normalizationSchema = z.object({
  mean: perChannel(z.number()).describe("Mean of each channel, such as red, green and blue, for pixels from 0 to 1."),
  std: perChannel(z.number().positive()).describe("Standard deviation of each channel, for pixels from 0 to 1."),
});

/** Mean and standard deviation of a JSON value; undefined if it has none. */
export const asNormalization = (value: unknown): Normalization | undefined => normalizationSchema.safeParse(value).data;

/** A normalisation by name, or mean and standard deviation per channel. */
export type NormalizationChoice = NormalizationName | Normalization;
export const normalizationNames = ["imagenet", "inception", "none"] as const;
/** Names of common normalisations. */
export type NormalizationName = (typeof normalizationNames)[number];

const named: Readonly<Record<NormalizationName, Normalization>> = {
  imagenet: imagenetNormalization,
  inception: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
};

/**
 * The normalisation with this name for images of `channels` (default: not known yet), or the given numbers, one for each
 * channel or one for all. Throws UsageError for anything else.
 */
export function normalizationOf(choice: NormalizationChoice, channels?: Channels): Normalization {
  const isNamed = typeof choice === "string" && Object.hasOwn(named, choice);
  const found = isNamed ? named[choice] : asNormalization(choice);
  if (found && channels === undefined) return found;
  const counts = found ? [found.mean.length, found.std.length] : [];
  if (found && channels && (isNamed || counts.every((count) => count === 1 || count === channels)))
    return normalizationFor(found, channels);
  if (found && channels)
    throw new UsageError(
      sentence`${setting("normalization")} has ${counts[0]} means and ${counts[1]} deviations, but the images have ${channels === 1 ? "one channel" : `${channels} channels`}; give one of each for every channel, or one for all.`,
    );
  throw new UsageError(
    sentence`${setting("normalization")} is ${quoted(typeof choice === "string" ? choice : JSON.stringify(choice))}; give ${normalizationNames.join(", ")} or {"mean":[r,g,b],"std":[r,g,b]}.`,
  );
}
