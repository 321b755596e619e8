/**
 * A teacher's outputs, computed once and replayed by any number of students. Every view is a function of seed, epoch
 * and sample, so the outputs for a run's batches can be computed before the run; they are stored in its order, one file
 * per epoch, with hashes of the data, the views and the teacher.
 */
import { createHash } from "node:crypto";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Dataset, sayings } from "../../data/dataset/dataset.js";
import { datasetIdentity } from "../../data/dataset/identity.js";
import type { Loader } from "../../data/loading/loader.js";
import type { Engine } from "../../engines/engine.js";
import { FileError, InterruptedError, TrainingError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import type { Model } from "../../models/model.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { type Lock, takeLock } from "../../system/files/lock-file.js";
import { makeFolder } from "../../system/files/make-folder.js";
import { namedProcess } from "../../system/files/process-identity.js";
import { readText } from "../../system/files/regular-file.js";
import { parseJson } from "../../system/text/json.js";
import { openForTraining, openingOf } from "../feed/data-place.js";
import { type DataOptions, trainingLoader, trainingTransform, withoutBadImages } from "../feed/training-data.js";
import type { Recipe } from "../recipe/recipe.js";
import { settledRecipe } from "../recipe/settled.js";
import { createStudent } from "../recipe/student.js";
import { batchTransforms } from "../step/batch/index.js";
import { neededAnswer } from "../step/distillation/index.js";
import type { TeacherAnswers } from "./answers.js";
import type { PassedTeacher } from "./own.js";
import { answersOf } from "./program.js";
import { type AnswerFormat, EpochAnswers } from "./stored-answers.js";
import { openTeacher } from "./teacher.js";

/** The identity of a cache, and why a run that differs in a part of it must not use it. */
const reasons = {
  data: "the dataset differs or has changed",
  images: "images are cropped, resized, augmented or normalised differently",
  seed: "the seed differs",
  batches: "the batch size or the number of views of an image (repeatedAugmentation) differs",
  mixing: "Mixup or CutMix differs",
  erasing: "random erasing differs",
  teacher: "the teacher differs",
} as const;
type Part = keyof typeof reasons;
const parts = Object.keys(reasons) as Part[];

/** A hash of each part. */
type CacheIdentity = Readonly<Record<Part, string>>;

const count = z
  .number()
  .int()
  .min(1)
  .max(1 << 24);

const manifestSchema = z.object({
  format: z.literal(2),
  identity: z.record(z.enum(parts), z.string()),
  kind: z.enum(["labels", "logits"]),
  /** Logits stored per view; the others share the remaining probability. */
  topK: count,
  classes: count,
  batch: count,
});

type Manifest = Readonly<z.infer<typeof manifestSchema>>;

const epochFile = (folder: string, epoch: number) =>
  join(folder, `epoch-${String(epoch).padStart(4, "0")}.safetensors`);
const digest = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

function identityOf(dataset: Dataset, recipe: Recipe, student: Model, teacher: string): CacheIdentity {
  const { seed, batchSize, accumulate } = recipe;
  return {
    data: datasetIdentity(dataset),
    images: digest([
      ...[trainingTransform(recipe, student), student.normalization],
      ...(recipe.exif === "apply" ? ["exif"] : []),
    ]),
    seed: String(seed),
    batches: digest([batchSize / accumulate, recipe.repeatedAugmentation]),
    mixing: digest(batchTransforms.mixing.identity(recipe)),
    erasing: digest(batchTransforms.erasing.identity(recipe)),
    teacher,
  };
}

/** What storing the predictions of a teacher needs. */
export interface CacheOptions extends DataOptions {
  /** Names the teacher, the mode of distillation, and all that decides which views there are. */
  readonly recipe: Recipe;
  /** Where a teacher of deit's own models runs. */
  readonly engine: Engine;
  /** A function or a model in memory, if the recipe refers to one; a function needs an identity. */
  readonly ownTeacher?: PassedTeacher;
  /** Folder of the cache; one that was started with the same recipe is resumed. */
  readonly output: string;
  /** Logits stored per view for modes that need them (default: the largest hundred). */
  readonly topK?: number;
  /** Saves what is done and ends with InterruptedError. */
  readonly signal?: AbortSignal;
  /** Called with the images that are done and all of them. */
  readonly onProgress?: (images: number, total: number) => void;
}

/** Predictions of a teacher that are stored. */
export interface StoredAnswers {
  /** Where they lie: the `teacherCache` of a recipe. */
  readonly folder: string;
  /** Epochs that are stored. */
  readonly epochs: number;
  /** Views of an epoch, repeated augmentation included. */
  readonly viewsPerEpoch: number;
  /** `labels` for hard distillation, `logits` for the other modes. */
  readonly kind: "labels" | "logits";
}

/** The error for a teacher whose outputs cannot be distinguished from those of others. */
export const unknownIdentity = ({ name }: { readonly name: string }): UsageError =>
  new UsageError(
    `Stored predictions cannot be matched with the teacher "${name.replace(/^function:/, "")}"; give it an identity, a string that changes with its predictions, or use it without teacherCache.`,
  );

/**
 * Stores the outputs of the recipe's teacher for all epochs of the recipe: predicted classes for `hard`, logits for the
 * other modes.
 *
 * @example
 * ```ts
 * import { openEngine } from "deit";
 * import { buildTeacherCache, parseRecipe } from "deit/training";
 *
 * const engine = await openEngine("onnx");
 * const sizes = { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2 };
 * const recipe = parseRecipe({ ...sizes, batchSize: 8, distillation: "hard", teacherWeights: "runs/photos", epochs: 1 });
 * const stored = await buildTeacherCache({ recipe, engine, data: "photos/", output: "answers", workers: 0 });
 * console.log(stored.kind); // labels
 * await engine.close();
 * ```
 */
export async function buildTeacherCache(options: CacheOptions): Promise<StoredAnswers> {
  const { engine, output, signal, onProgress } = options;
  const { recipe } = await settledRecipe(options.recipe);
  const found = await openForTraining(options.data, {
    ...{ rule: options.split, signal, onProgress: openingOf(options.onEvent) },
  });
  for (const message of sayings(found)) options.onEvent?.({ kind: "warning", message });
  const dataset = await withoutBadImages(found, options);
  const student = createStudent(recipe, found.classes.length);
  const teacher = await openTeacher(recipe, student, found.classes, options.ownTeacher);
  if (teacher.identity === undefined) throw unknownIdentity(teacher);
  const kind = neededAnswer(recipe.distillation) ?? "labels";
  const loader = trainingLoader(dataset, recipe, student, options);
  const batch = loader.batchSize;
  const manifest: Manifest = {
    format: 2,
    identity: identityOf(dataset, recipe, student, teacher.identity),
    kind,
    topK: kind === "labels" ? 1 : Math.min(options.topK ?? 100, student.classes),
    classes: student.classes,
    batch,
  };
  const runs = runsOf(loader, recipe);
  const total = recipe.epochs * runs * batch;
  let teaching: Awaited<ReturnType<typeof answersOf>> | undefined;
  let lock: Lock | undefined;
  try {
    await makeFolder(output, "the folder of answers");
    lock = await takeLock(join(output, "lock"), {
      held: (owner) =>
        new TrainingError(`${namedProcess(owner)} is writing in "${output}"; wait for it, or choose another folder.`),
    });
    await beginOrContinue(output, manifest);
    teaching = await answersOf(teacher, { recipe, engine, student, batch, describe: dataset.describe });
    for (let epoch = 0; epoch < recipe.epochs; epoch++) {
      const path = epochFile(output, epoch);
      if (await exists(path)) continue;
      const begun = partFile(output);
      const answers = (await readPart(begun, epoch, manifest)) ?? new EpochAnswers(manifest, runs * batch);
      let saved = performance.now();
      for await (const views of loader.epoch(epoch, answers.runs)) {
        if (views.step >= runs) break;
        lock.lost.throwIfAborted();
        if (signal?.aborted || performance.now() - saved > partInterval) {
          await lock.confirm();
          await answers.write(begun(epoch));
          saved = performance.now();
        }
        if (signal?.aborted) {
          throw new InterruptedError(
            `Interrupted in epoch ${epoch + 1} of ${recipe.epochs}; the same command continues from there.`,
          );
        }
        answers.add(views.indices, await teaching.answer(epoch, views.step, views));
        onProgress?.((epoch * runs + views.step + 1) * batch, total);
      }
      await lock.confirm();
      await answers.write(path);
      await rm(begun(epoch), { force: true });
    }
  } finally {
    await loader.close();
    await teaching?.close();
    await lock?.release();
  }
  return { folder: output, epochs: recipe.epochs, viewsPerEpoch: runs * batch, kind };
}

/** Milliseconds after which an unfinished epoch is saved again. */
const partInterval = 600_000;

/** The file of an unfinished epoch. */
const partFile = (folder: string) => (epoch: number) => `${epochFile(folder, epoch)}.part`;

/** The part of an epoch left by an interrupted run; empty if it is damaged. */
async function readPart(
  part: (epoch: number) => string,
  epoch: number,
  format: AnswerFormat,
): Promise<EpochAnswers | undefined> {
  return (await exists(part(epoch))) ? EpochAnswers.read(part(epoch), format).catch(() => undefined) : undefined;
}

/** Number of runs in an epoch of training: only whole steps. */
function runsOf(loader: Loader, { accumulate }: Recipe): number {
  return Math.floor(loader.stepsPerEpoch / accumulate) * accumulate;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function beginOrContinue(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, "manifest.json");
  if (!(await exists(path))) return writeFileAtomic(path, `${JSON.stringify(manifest, null, 2)}\n`);
  const known = await readManifest(folder);
  refuseForeign(folder, known, manifest.identity);
  if (known.kind !== manifest.kind || known.topK !== manifest.topK)
    throw new UsageError(
      `"${folder}" contains other predictions (${known.kind}, ${known.topK} per view); choose another folder.`,
    );
}

/** The manifest of a folder of stored outputs; throws FileError if it is not one. */
async function readManifest(folder: string): Promise<Manifest> {
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

function refuseForeign(folder: string, { identity }: Manifest, wanted: Partial<CacheIdentity>): void {
  const found = parts.filter((part) => wanted[part] && wanted[part] !== identity[part]);
  if (found.length === 0) return;
  throw new TrainingError(
    `The cached teacher predictions in "${folder}" do not belong to this run: ${found.map((k) => reasons[k]).join("; ")}. Create them again with this recipe, or use the recipe they were created with.`,
  );
}

/**
 * Opens stored outputs for a run. Throws, with the reason, if they are for different data, views or a different teacher
 * (if `teacher`, its identity, is known), or do not suffice.
 */
export async function openTeacherCache(
  folder: string,
  recipe: Recipe,
  dataset: Dataset,
  student: Model,
  teacher?: string,
): Promise<TeacherAnswers> {
  const manifest = await readManifest(folder);
  refuseForeign(folder, manifest, { ...identityOf(dataset, recipe, student, ""), teacher });
  if (neededAnswer(recipe.distillation) === "logits" && manifest.kind === "labels")
    throw new UsageError(
      `"${folder}" contains decisions only, but ${recipe.distillation} distillation needs logits; create it with distillation=${recipe.distillation}.`,
    );
  for (let epoch = 0; epoch < recipe.epochs; epoch++) {
    const path = epochFile(folder, epoch);
    if (await exists(path)) {
      await EpochAnswers.requireWhole(path);
      continue;
    }
    throw new TrainingError(
      `The cached teacher predictions in "${folder}" end before epoch ${epoch + 1} of ${recipe.epochs}; run deit teach again to extend them, or set epochs=${epoch}.`,
    );
  }
  let held: { readonly epoch: number; readonly answers: Promise<EpochAnswers> } | undefined;
  return {
    kind: manifest.kind,
    answer: async (epoch, run, { indices, first }) => {
      const path = epochFile(folder, epoch);
      if (held?.epoch !== epoch) held = { epoch, answers: EpochAnswers.read(path, manifest) };
      const answer = (await held.answers).answer(run, indices, first);
      if (answer) return answer;
      throw new FileError(
        path,
        `"${path}" contains predictions for other views than those of run ${run}; create it again.`,
      );
    },
    close: async () => undefined,
  };
}
