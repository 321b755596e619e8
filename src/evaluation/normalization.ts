/** How images are normalised: by a common name, or by mean and standard deviation per channel. */
import { z } from "zod";
import { UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { sentence, setting } from "../errors/sentence.js";
import { imagenetNormalization, type Normalization } from "../models/model.js";

const three = <T extends z.ZodType>(each: T) => z.tuple([each, each, each]);

/** Mean and standard deviation as given by a file or an option. */
export const normalizationSchema = z.object({
  mean: three(z.number()).describe("Mean of red, green and blue, for pixels from 0 to 1."),
  std: three(z.number().positive()).describe("Standard deviation of red, green and blue, for pixels from 0 to 1."),
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

/** The normalisation with this name, or the given numbers. Throws UsageError for anything else. */
export function normalizationOf(choice: NormalizationChoice): Normalization {
  const found = typeof choice === "string" && Object.hasOwn(named, choice) ? named[choice] : asNormalization(choice);
  if (found) return found;
  throw new UsageError(
    sentence`${setting("normalization")} is ${quoted(typeof choice === "string" ? choice : JSON.stringify(choice))}; give ${normalizationNames.join(", ")} or {"mean":[r,g,b],"std":[r,g,b]}.`,
  );
}
