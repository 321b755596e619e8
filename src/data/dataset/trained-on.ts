/**
 * Information on the training images that a run stores in its weights: enough to recognise them, and which were held
 * out, wherever the weights are copied to. It contains no paths or names of images.
 */
import { z } from "zod";
import { FileError } from "../../errors/errors.js";
import { tryJson } from "../../system/text/json.js";
import { type Dataset, keysOf, type RecordedSplit } from "./dataset.js";
import { datasetIdentity } from "./identity.js";
import { readSampleSet, writeSampleSet } from "./sample-set.js";
import { trainedOnKey } from "./trained-on-key.js";

/** Training images, by their number and SHA-256 (`datasetIdentity`). */
export interface KnownImages {
  /** Their number. */
  readonly images: number;
  /** SHA-256 of their names, labels and classes, in hexadecimal digits. */
  readonly dataset: string;
}

/** What a run's weights state about the images that it was trained on. */
export interface TrainedOn {
  /** The name of the dataset. */
  readonly name: string;
  /** The training images: those that were used, and also all that were found, if some could not be read. */
  readonly known: readonly KnownImages[];
  /** Divides the same data as the run did; undefined if the run used given parts, or was not evaluated. */
  readonly split?: RecordedSplit;
  /** All of it as the weights hold it, for copies of them. */
  readonly text: string;
}

const known = z.object({ images: z.number().int().min(1), dataset: z.string().regex(/^[0-9a-f]{64}$/) });
const schema = z.object({
  format: z.literal(1),
  name: z.string(),
  known: z.array(known).min(1).max(2),
  split: z.object({ share: z.number().gt(0).lt(1), test: z.string() }).optional(),
});

/** Training images in the form in which they are recognised. */
export const knownImages = (...datasets: readonly Dataset[]): readonly KnownImages[] =>
  [...new Set(datasets)].map((dataset) => ({ images: dataset.length, dataset: datasetIdentity(dataset) }));

/** The text for the weights. `split` is the held-out part and the requested share. */
export function writeTrainedOn(
  { name }: Dataset,
  known: readonly KnownImages[],
  split?: { readonly share: number; readonly test: Dataset },
): string {
  const content: z.infer<typeof schema> = {
    ...{ format: 1, name, known: known.map(({ images, dataset }) => ({ images, dataset })) },
    split: split && { share: split.share, test: writeSampleSet(keysOf(split.test)) },
  };
  return JSON.stringify(content);
}

/** Reads the text in the weights at `path`; undefined if there is none. Throws FileError if it is damaged. */
export function readTrainedOn(text: string | undefined, path: string): TrainedOn | undefined {
  if (text === undefined) return undefined;
  const { data } = schema.safeParse(tryJson(text));
  const test = data?.split && readSampleSet(data.split.test);
  if (!data || (data.split && !test))
    throw new FileError(
      path,
      `What "${path}" says of the images it was trained on (its metadata "${trainedOnKey}") is damaged; take another checkpoint of the run.`,
    );
  const { name, known } = data;
  return { name, known, text, split: test && { kind: "recorded", path, share: data.split!.share, test } };
}
