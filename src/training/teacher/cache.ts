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
import { InterruptedError, UsageError } from "../../errors/errors.js";
import type { Model } from "../../models/model.js";
import { requireFreeSpace } from "../../system/files/atomic-file.js";
import type { Lock } from "../../system/files/lock-file.js";
import { makeFolder } from "../../system/files/make-folder.js";
import { ownFolder } from "../../system/files/owned-folder.js";
import { openForTraining, openingOf } from "../feed/data-place.js";
import { type DataOptions, trainingImages, trainingLoader } from "../feed/training-data.js";
import { featureEpochs } from "../recipe/feature-weight.js";
import { refuseNative } from "../recipe/native.js";
import type { Recipe } from "../recipe/recipe.js";
import { settledRecipe } from "../recipe/settled.js";
import { refuseUnfittingSizes } from "../recipe/size-schedule.js";
import { createStudent } from "../recipe/student.js";
import { type RecipeTeacher, teachersOf } from "../recipe/teachers.js";
import { featurePairs } from "../step/features.js";
import type { TeacherAnswers } from "./answers.js";
import { featuresBetween } from "./features.js";
import {
  beginOrContinue,
  epochFile,
  exists,
  formatOf,
  identityOf,
  type Manifest,
  type StoredSize,
  sizeOf,
} from "./manifest.js";
import { type OwnTeachers, ownTeachersFor, unknownIdentity } from "./own.js";
import { answersOf } from "./program.js";
import { type AnswerFormat, EpochAnswers } from "./stored-answers.js";
import { openTeacher, type Teacher } from "./teacher.js";

/** What storing the predictions of a teacher needs. */
export interface CacheOptions extends DataOptions {
  /** Names the teacher, the mode of distillation, and all that decides which views there are. */
  readonly recipe: Recipe;
  /** Where a teacher of deit's own models runs. */
  readonly engine: Engine;
  /** Functions or models in memory, if the recipe refers to them; a function needs an identity. */
  readonly ownTeacher?: OwnTeachers;
  /**
   * Folder of the cache, or of one cache for each of several teachers; one that was started with the same recipe is
   * resumed.
   */
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

/**
 * Stores the outputs of the recipe's teacher for all epochs of the recipe: predicted classes for `hard`, logits for the
 * other modes, and the features that the recipe imitates, normalised, as float16. Of several teachers the logits of each,
 * one after the other, in a folder of its own.
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
  const { output } = options;
  const { recipe } = await settledRecipe(options.recipe);
  refuseNative({ ...recipe, teacherCache: output });
  refuseUnfittingSizes({ ...recipe, teacherCache: output });
  const found = await openForTraining(options.data, {
    ...{ rule: options.split, signal: options.signal, onProgress: openingOf(options.onEvent) },
  });
  for (const message of sayings(found)) options.onEvent?.({ kind: "warning", message });
  const dataset = await trainingImages(found, recipe, options);
  const student = createStudent(recipe, found.classes.length);
  const loader = trainingLoader(dataset, recipe, student, options);
  try {
    const runs = runsOf(loader, recipe);
    const views = runs * loader.batchSize;
    const stores: Store[] = [];
    for (const one of storedTeachers(recipe, output))
      stores.push(await planned(one, { options, dataset, student, classes: found.classes, batch: loader.batchSize }));
    await makeFolder(output, "the folder of answers");
    const size = together(stores.map(({ manifest }) => sizeOf(manifest, recipe.epochs, views)));
    options.onSize?.(size);
    const started = await Promise.all(stores.map(({ folder }) => exists(join(folder, "manifest.json"))));
    if (!started.includes(true)) await requireFreeSpace(output, size.bytes, "the teacher's outputs");
    const total = stores.length * recipe.epochs * views;
    for (const [i, store] of stores.entries()) {
      const before = i * recipe.epochs * views;
      const onProgress = (images: number) => options.onProgress?.(before + images, total);
      await storeAnswers(store, { options, dataset, student, loader, runs, onProgress });
    }
    return { folder: output, epochs: recipe.epochs, viewsPerEpoch: views, kind: stores[0].manifest.kind };
  } finally {
    await loader.close();
  }
}

/** A teacher, and the folder of its outputs. */
interface Placed {
  readonly one: RecipeTeacher;
  readonly folder: string;
}

/** A teacher that is open, and what will be stored of it. */
interface Store extends Placed {
  readonly teacher: Teacher;
  readonly manifest: Manifest;
}

/**
 * The recipe's teachers: a single one is stored in the folder itself, each of several in a folder of its name, so that
 * any combination of them can be used. Those whose outputs are stored elsewhere are left out.
 */
function storedTeachers(recipe: Recipe, output: string): readonly Placed[] {
  const named = teachersOf({ ...recipe, teacherCache: undefined }).filter(
    ({ recipe: { teacherWeights, teacherCache } }) => teacherWeights !== undefined && teacherCache === undefined,
  );
  if (named.length === 0)
    throw new UsageError("There is no teacher to store predictions of; set teacherWeights to its weights.");
  return named.map((one) => ({ one, folder: recipe.teachers ? join(output, one.name) : output }));
}

interface Planning {
  readonly options: CacheOptions;
  readonly dataset: Dataset;
  readonly student: Model;
  readonly classes: readonly string[];
  readonly batch: number;
}

async function planned(
  { one, folder }: Placed,
  { options, dataset, student, classes, batch }: Planning,
): Promise<Store> {
  const { recipe, kind } = one;
  const teacher = await openTeacher(one, student, classes, ownTeachersFor(options.recipe, options.ownTeacher));
  if (teacher.identity === undefined) throw unknownIdentity(teacher);
  const features = featuresBetween(recipe, student, teacher);
  const manifest: Manifest = {
    format: 2,
    identity: identityOf(dataset, recipe, student, teacher.identity),
    kind,
    topK: kind === "labels" ? 1 : Math.min(options.topK ?? 100, student.classes),
    classes: student.classes,
    batch,
    ...(features.length > 0
      ? {
          features: features.map(({ teacher: layer, grid, channels }, index) => {
            const epochs = featureEpochs(featurePairs(recipe.features)[index], recipe.epochs);
            return { layer, grid, channels, epochs };
          }),
        }
      : {}),
  };
  return { one, folder, teacher, manifest };
}

/** What several take. */
function together(sizes: readonly StoredSize[]): StoredSize {
  const sum = (of: (size: StoredSize) => number) => sizes.reduce((total, size) => total + of(size), 0);
  const features = sizes.find((size) => size.features)?.features;
  return { views: sum(({ views }) => views), bytes: sum(({ bytes }) => bytes), features };
}

interface Storing extends Omit<Planning, "classes" | "batch"> {
  readonly loader: Loader;
  /** Runs of an epoch. */
  readonly runs: number;
  /** Called with the images that are done. */
  readonly onProgress: (images: number) => void;
}

/** Stores one teacher's outputs; what is already in the folder is kept. */
async function storeAnswers(
  { one, folder, teacher, manifest }: Store,
  { options, dataset, student, loader, runs, onProgress }: Storing,
): Promise<void> {
  const { engine, signal } = options;
  const { recipe, kind } = one;
  const batch = loader.batchSize;
  let teaching: TeacherAnswers | undefined;
  let lock: Lock | undefined;
  try {
    lock = await ownFolder(folder, "the folder of answers");
    await beginOrContinue(folder, manifest);
    teaching = await answersOf(teacher, { recipe, kind, engine, student, batch, describe: dataset.describe });
    for (let epoch = 0; epoch < recipe.epochs; epoch++) {
      const path = epochFile(folder, epoch);
      if (await exists(path)) continue;
      const begun = partFile(folder);
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
        onProgress((epoch * runs + views.step + 1) * batch);
      }
      await lock.confirm();
      await answers.write(path);
      await rm(begun(epoch), { force: true });
    }
  } finally {
    await teaching?.close();
    await lock?.release();
  }
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
