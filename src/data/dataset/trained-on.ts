/**
 * What a run keeps with its weights of the images that it was trained on: enough to know them again, and which of them it
 * set aside, wherever the weights are copied to. No path and no name of an image is kept.
 */
import { z } from "zod";
import { FileError } from "../../errors/errors.js";
import { tryJson } from "../../system/text/json.js";
import { type Dataset, keysOf, type RecordedSplit } from "./dataset.js";
import { datasetIdentity } from "./identity.js";
import { readSampleSet, writeSampleSet } from "./sample-set.js";

/** The name of that metadata in a file of weights. */
export const trainedOnKey = "deit.data";

/** Images for training, by their number and SHA-256 (`datasetIdentity`). */
export interface KnownImages {
  readonly images: number;
  readonly dataset: string;
}

/** What weights of a run say of the images that it was trained on. */
export interface TrainedOn {
  /** The name of the dataset. */
  readonly name: string;
  /** The images for training: those that were trained on, and also all that were found, where some could not be read. */
  readonly known: readonly KnownImages[];
  /** Divides the same data as the run did; undefined where the run was given its parts, or measured nothing. */
  readonly split?: RecordedSplit;
}

const known = z.object({ images: z.number().int().min(1), dataset: z.string().regex(/^[0-9a-f]{64}$/) });
const schema = z.object({
  format: z.literal(1),
  name: z.string(),
  known: z.array(known).min(1).max(2),
  split: z.object({ share: z.number().gt(0).lt(1), test: z.string() }).optional(),
});

/** Images for training as they are known again. */
export const knownImages = (...datasets: readonly Dataset[]): readonly KnownImages[] =>
  [...new Set(datasets)].map((dataset) => ({ images: dataset.length, dataset: datasetIdentity(dataset) }));

/** The text for the weights. `split` is what was set aside, and the share that was asked for. */
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

/** Reads the text in the weights at `path`; undefined where they keep none. Throws FileError for a damaged one. */
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
  return { name, known, split: test && { kind: "recorded", path, share: data.split!.share, test } };
}
