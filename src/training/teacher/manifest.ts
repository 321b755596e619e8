/** What a folder of stored teacher outputs holds, and for which runs. */

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Dataset } from "../../data/dataset/dataset.js";
import { datasetIdentity } from "../../data/dataset/identity.js";
import { FileError, TrainingError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { type Grid, heightAndWidth, type ImageSize, sameSize } from "../../geometry/image-size.js";
import type { Model } from "../../models/model.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { readText } from "../../system/files/regular-file.js";
import { parseJson } from "../../system/text/json.js";
import { trainingTransform } from "../feed/training-data.js";
import { unmixedEnd } from "../recipe/augmentation.js";
import { featureEpochs } from "../recipe/feature-weight.js";
import type { Recipe } from "../recipe/recipe.js";
import { batchTransforms } from "../step/batch/index.js";
import { type FeatureDistillation, featurePairs } from "../step/features.js";
import { featuresOf } from "./features.js";
import { type AnswerFormat, bytesOfView } from "./stored-answers.js";

/** The identity of a cache, and why a run that differs in a part of it must not use it. */
export const reasons = {
  data: "the training images are others, or have changed",
  images: "images are cropped, resized, augmented or normalised differently",
  seed: "the seed differs",
  batches:
    "the batch size, the number of views of an image (repeatedAugmentation), that of passes in an epoch (epochRepeats) or the sampling of classes differs",
  mixing: "Mixup or CutMix differs",
  erasing: "random erasing differs",
  teacher: "the teacher differs",
} as const;
type Part = keyof typeof reasons;
const parts = Object.keys(reasons) as Part[];

/** A hash of each part. */
export type CacheIdentity = Readonly<Record<Part, string>>;

const count = z
  .number()
  .int()
  .min(1)
  .max(1 << 24);

/** Vectors to a side, as earlier versions wrote them, or rows and columns. */
const gridSchema = z.union([count, z.tuple([count, count])]).transform((grid): Grid => heightAndWidth(grid));
const layer = z.object({ layer: z.string(), grid: gridSchema, channels: count, epochs: z.number().int().min(0) });

const manifestSchema = z.object({
  format: z.literal(2),
  identity: z.record(z.enum(parts), z.string()),
  kind: z.enum(["labels", "logits"]),
  /** Logits stored per view; the others share the remaining probability. */
  topK: count,
  classes: count,
  batch: count,
  /** Features of the teacher, each layer in its first epochs; a single one may stand without a list. */
  features: z
    .union([layer.transform((one) => [one]), z.array(layer)])
    .readonly()
    .optional(),
});

export type Manifest = Readonly<z.infer<typeof manifestSchema>>;

/** The file of an epoch. */
export const epochFile = (folder: string, epoch: number) =>
  join(folder, `epoch-${String(epoch).padStart(4, "0")}.safetensors`);
const digest = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

/** The identity of the outputs for a run. */
export function identityOf(dataset: Dataset, recipe: Recipe, student: Model, teacher: string): CacheIdentity {
  const { seed, batchSize, accumulate } = recipe;
  return {
    data: datasetIdentity(dataset),
    images: digest([
      ...[trainingTransform(recipe, student), student.normalization],
      ...(recipe.exif === "apply" ? ["exif"] : []),
    ]),
    seed: String(seed),
    batches: digest([
      ...[batchSize / accumulate, recipe.repeatedAugmentation],
      ...(recipe.sampling === "all" ? [] : [recipe.sampling]),
      ...(recipe.epochRepeats === 1 ? [] : [{ epochRepeats: recipe.epochRepeats }]),
    ]),
    mixing: digest([...batchTransforms.mixing.identity(recipe), ...unmixedEnd(recipe)]),
    erasing: digest(batchTransforms.erasing.identity(recipe)),
    teacher,
  };
}

/** What the outputs of a teacher will take on the disk. */
export interface StoredSize {
  /** Views of all epochs. */
  readonly views: number;
  /** Bytes of all files. */
  readonly bytes: number;
  /** The layers whose features are stored, and their parts of the bytes. */
  readonly features?: readonly StoredLayerSize[];
}

/** What the features of a layer will take on the disk. */
export interface StoredLayerSize {
  /** Name of the layer. */
  readonly layer: string;
  /** Rows and columns of vectors. */
  readonly grid: Grid;
  /** Length of a vector. */
  readonly channels: number;
  /** First epochs, in which they are stored. */
  readonly epochs: number;
  /** Bytes of the features alone. */
  readonly bytes: number;
}

/** The format of an epoch's file. */
export const formatOf = ({ features, ...manifest }: Manifest, epoch: number): AnswerFormat => ({
  ...manifest,
  features: features?.map((each) => (epoch < each.epochs ? each : undefined)),
});

/** What all epochs take. */
export function sizeOf(manifest: Manifest, epochs: number, views: number): StoredSize {
  const { features, ...predictions } = manifest;
  const plain = bytesOfView(predictions);
  const shown = features?.map((each) => ({
    ...each,
    bytes: (bytesOfView({ ...predictions, features: [each] }) - plain) * views * Math.min(each.epochs, epochs),
  }));
  const bytes = (shown ?? []).reduce((sum, each) => sum + each.bytes, plain * epochs * views);
  return { views: epochs * views, bytes, features: shown };
}

/** Whether there is a file. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Writes the manifest of a new folder; throws if the folder contains something else. */
export async function beginOrContinue(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, "manifest.json");
  if (!(await exists(path))) return writeFileAtomic(path, `${JSON.stringify(manifest, null, 2)}\n`);
  const known = await readManifest(folder);
  refuseForeign(folder, known, manifest.identity);
  if (known.kind !== manifest.kind || known.topK !== manifest.topK)
    throw new UsageError(
      `"${folder}" contains other predictions (${known.kind}, ${known.topK} per view); choose another folder.`,
    );
  if (JSON.stringify(known.features) !== JSON.stringify(manifest.features))
    throw new UsageError(
      `"${folder}" contains ${featuresText(known.features)}, and the recipe asks for ${featuresText(manifest.features)}; choose another folder.`,
    );
}

/** "7 × 7 places" */
export const placesInWords = (grid: ImageSize): string => `${heightAndWidth(grid).join(" × ")} places`;

const featuresText = (features: Manifest["features"] = []): string =>
  features.length > 0
    ? features
        .map(
          ({ layer, grid, epochs }) =>
            `the teacher's layer ${layer} on ${placesInWords(grid)} in the first ${epochs} epochs`,
        )
        .join(" and ")
    : "no features of the teacher";

/** The manifest of a folder of stored outputs; throws FileError if it is not one. */
export async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, "manifest.json");
  const text = await readText(path).catch((error) => {
    throw fileError(path, "read the teacher's answers in", error);
  });
  try {
    return manifestSchema.parse(parseJson(text));
  } catch (cause) {
    throw new FileError(path, `"${path}" is not a manifest of teacher predictions; create them again.`, { cause });
  }
}

/** What a run imitates of stored features, and where that is among them. */
export interface StoredPair {
  readonly features: FeatureDistillation;
  readonly at: number;
}

/** What the recipe imitates of the stored features. Throws UsageError if they are not those that it asks for. */
export function storedFeatures(
  folder: string,
  { features: stored = [] }: Manifest,
  recipe: Recipe,
  student: Model,
): readonly StoredPair[] {
  return featurePairs(recipe.features).map((pair) => {
    const epochs = featureEpochs(pair, recipe.epochs);
    for (const [at, one] of stored.entries()) {
      if (one.layer !== pair.teacher || one.epochs < epochs) continue;
      const features = featuresOf(pair, student, one);
      if (sameSize(features.grid, one.grid)) return { features, at };
    }
    const { teacher, grid } = pair;
    const asked = `the layer ${teacher}${grid === undefined ? "" : ` on ${placesInWords(grid)}`} in ${epochs} epochs`;
    throw new UsageError(
      `"${folder}" contains ${featuresText(stored)}, but the recipe imitates ${asked}; create it again with this recipe, or change features.`,
    );
  });
}

/** Throws TrainingError with what differs from the `wanted` identity, as far as that is known. */
export function refuseForeign(folder: string, { identity }: Manifest, wanted: Partial<CacheIdentity>): void {
  const found = parts.filter((part) => wanted[part] && wanted[part] !== identity[part]);
  if (found.length === 0) return;
  throw new TrainingError(
    `The cached teacher predictions in "${folder}" do not belong to this run: ${found.map((k) => reasons[k]).join("; ")}. Create them again with this recipe, or use the recipe they were created with.`,
  );
}
