/**
 * A teacher's outputs, computed once and replayed by any number of students. Every view is a function of seed, epoch
 * and sample, so the outputs for a run's batches can be computed before the run; they are stored in its order, one file
 * per epoch, with hashes of the data, the views and the teacher.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Dataset, sayings } from "../../data/dataset/dataset.js";
import type { Loader } from "../../data/loading/loader.js";
import type { Engine } from "../../engines/engine.js";
import { FileError, InterruptedError, TrainingError, UsageError } from "../../errors/errors.js";
import type { Model } from "../../models/model.js";
import { requireFreeSpace } from "../../system/files/atomic-file.js";
import { type Lock, takeLock } from "../../system/files/lock-file.js";
import { makeFolder } from "../../system/files/make-folder.js";
import { namedProcess } from "../../system/files/process-identity.js";
import { zeros } from "../../tensor/index.js";
import { openForTraining, openingOf } from "../feed/data-place.js";
import { type DataOptions, trainingLoader, withoutBadImages } from "../feed/training-data.js";
import { featureEpochs } from "../recipe/feature-weight.js";
import type { Recipe } from "../recipe/recipe.js";
import { settledRecipe } from "../recipe/settled.js";
import { createStudent } from "../recipe/student.js";
import { neededAnswer } from "../step/distillation/index.js";
import type { TeacherAnswers } from "./answers.js";
import { featuresBetween } from "./features.js";
import {
  beginOrContinue,
  epochFile,
  exists,
  formatOf,
  identityOf,
  type Manifest,
  readManifest,
  refuseForeign,
  type StoredSize,
  sizeOf,
  storedFeatures,
} from "./manifest.js";
import type { PassedTeacher } from "./own.js";
import { answersOf } from "./program.js";
import { type AnswerFormat, EpochAnswers } from "./stored-answers.js";
import { openTeacher } from "./teacher.js";

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
  /** Called before anything is stored, with the bytes that all epochs will take. */
  readonly onSize?: (size: StoredSize) => void;
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
 * other modes, and the features that the recipe imitates, normalised, as float16.
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
  const features = featuresBetween(recipe, student, teacher);
  const loader = trainingLoader(dataset, recipe, student, options);
  const batch = loader.batchSize;
  const manifest: Manifest = {
    format: 2,
    identity: identityOf(dataset, recipe, student, teacher.identity),
    kind,
    topK: kind === "labels" ? 1 : Math.min(options.topK ?? 100, student.classes),
    classes: student.classes,
    batch,
    features: features && {
      ...{ layer: features.teacher, grid: features.grid, channels: features.channels },
      epochs: featureEpochs(recipe),
    },
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
    const size = sizeOf(manifest, recipe.epochs, runs * batch);
    options.onSize?.(size);
    if (!(await exists(join(output, "manifest.json"))))
      await requireFreeSpace(output, size.bytes, "the teacher's outputs");
    await beginOrContinue(output, manifest);
    teaching = await answersOf(teacher, { recipe, engine, student, batch, describe: dataset.describe });
    for (let epoch = 0; epoch < recipe.epochs; epoch++) {
      const path = epochFile(output, epoch);
      if (await exists(path)) continue;
      const begun = partFile(output);
      const format = formatOf(manifest, epoch);
      const answers = (await readPart(begun, epoch, format)) ?? new EpochAnswers(format, runs * batch);
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
  const features = storedFeatures(folder, manifest, recipe, student);
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
    features,
    answer: async (epoch, run, { indices, first }) => {
      const path = epochFile(folder, epoch);
      if (held?.epoch !== epoch) held = { epoch, answers: EpochAnswers.read(path, formatOf(manifest, epoch)) };
      const answer = (await held.answers).answer(run, indices, first);
      // Later epochs have features of no weight.
      if (answer && features && !answer.features) {
        const { grid, channels } = features;
        return { ...answer, features: zeros("float32", [manifest.batch, grid, grid, channels]) };
      }
      if (answer) return answer;
      throw new FileError(
        path,
        `"${path}" contains predictions for other views than those of run ${run}; create it again.`,
      );
    },
    close: async () => undefined,
  };
}
