/** How weights came about, in the words of their model card: the data, what was chosen, and how well it went. */
import { z } from "zod";
import { FileError } from "../errors/errors.js";
import { tryJson } from "../system/text/json.js";
import { checkpointMetadata } from "./checkpoint-metadata.js";

/** Accuracy on images that were not trained on. */
export interface Accuracy {
  /** Number of the images. */
  readonly images: number;
  /** Images whose most likely class is right, in percent. */
  readonly top1: number;
  /** Images whose class is among the five most likely, in percent. */
  readonly top5?: number;
}

const percent = z.number().min(0).max(100);
const accuracySchema = z.object({ images: z.number().int().min(1), top1: percent, top5: percent.optional() });

/** A training. */
export interface TrainingRecord {
  /** Name of the data. */
  readonly data: string;
  /** Images that it was trained on. */
  readonly images: number;
  /** What was chosen, by the names of settings. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** How right its answers are. */
  readonly result?: Accuracy;
}

const schema = z.object({
  format: z.literal(1),
  data: z.string().max(4096),
  images: z.number().int().min(1),
  settings: z.record(z.string(), z.json()),
  result: accuracySchema.optional(),
});

/** As the metadata of weights keep it. */
export const writeTrainingRecord = ({ data, images, settings, result }: TrainingRecord): string =>
  JSON.stringify({ format: 1, data, images, settings, result });

/** Reads it from the metadata of `path`; undefined if there is none. Throws FileError if it is damaged. */
export function readTrainingRecord(
  metadata: Readonly<Record<string, string>>,
  path: string,
): TrainingRecord | undefined {
  const text = metadata[checkpointMetadata.training];
  if (text === undefined) return undefined;
  const found = schema.safeParse(tryJson(text));
  if (found.success) {
    const { format: _, ...record } = found.data;
    return record;
  }
  throw new FileError(
    path,
    `What "${path}" says of its training (its metadata "${checkpointMetadata.training}") is damaged, or of a later version of deit; get the file again, or update deit.`,
  );
}
