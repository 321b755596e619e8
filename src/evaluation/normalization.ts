/** How images are normalised: by a name of the field, or by mean and deviation of each channel. */
import { z } from "zod";
import { imagenetNormalization, type Normalization } from "../models/model.js";

const three = <T extends z.ZodType>(each: T) => z.tuple([each, each, each]);

/** Mean and deviation as a file or an option gives them. */
export const normalizationSchema = z.object({ mean: three(z.number()), std: three(z.number().positive()) });

/** Mean and deviation of a JSON value; undefined where it gives none. */
export const asNormalization = (value: unknown): Normalization | undefined => normalizationSchema.safeParse(value).data;

/** A normalisation by its name, or mean and deviation of each channel. */
export type NormalizationChoice = NormalizationName | Normalization;
export const normalizationNames = ["imagenet", "inception", "none"] as const;
/** Names of the usual normalisations. */
export type NormalizationName = (typeof normalizationNames)[number];

const named: Readonly<Record<NormalizationName, Normalization>> = {
  imagenet: imagenetNormalization,
  inception: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
};

/** The normalisation of this name, or the numbers as they are given. */
export const normalizationOf = (choice: NormalizationChoice): Normalization =>
  typeof choice === "string" ? named[choice] : choice;
