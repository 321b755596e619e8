/** `train` and `distil`: train a model on images. */
import { availableParallelism } from "node:os";
import type { SplitRule } from "../data/dataset/dataset.js";
import type { OnOpening } from "../data/dataset/opening.js";
import type { OwnAugmentation } from "../data/loading/on-this-thread.js";
import { isOwnSamples, type OwnSamples, sampleDataset } from "../data/sources/own-samples.js";
import { UsageError } from "../errors/errors.js";
import {
  aBoolean,
  abortSignal,
  aFunction,
  checkOptions,
  type OptionChecks,
  oneOf,
  positive,
  shown,
  strings,
  wholeFrom,
} from "../errors/options.js";
import type { ModelInMemory } from "../evaluation/model-in-memory.js";
import { openModel } from "../evaluation/open-model.js";
import type { Model } from "../models/model.js";
import type { OwnModel } from "../models/own-model.js";
import { modelNames } from "../models/registry.js";
import type { DataPlace } from "../training/feed/data-place.js";
import { changed } from "../training/recipe/changed.js";
import { readRecipe } from "../training/recipe/file.js";
import { parseRecipe, type RecipeSettings, recipeSchema } from "../training/recipe/recipe.js";
import type { TrainOptions } from "../training/run/train-options.js";
import { train as trainByRecipe } from "../training/run/trainer.js";
import type { TrainEvent } from "../training/run-folder/events.js";
import { describeRun } from "../training/run-folder/manifest.js";
import type { Loss } from "../training/step/losses/index.js";
import type { OwnTeacher, TeacherFunction } from "../training/teacher/function.js";
import { isFunction, ownTeacherName, type PassedTeacher } from "../training/teacher/own.js";
import { type ChosenSplit, chosenSettings, chosenSplit, trainingPart, withoutSizes } from "./chosen.js";
import { type EngineOption, leaseEngine } from "./engine.js";
import { modelOrWeights } from "./model-or-weights.js";
import type { NamedWeights } from "./opened-classifier.js";
import { startRun, type TrainingRun } from "./run.js";

/** A path in any format, a dataset, or images read by the caller. */
export type TrainingImages = DataPlace | OwnSamples;

/** How a model is trained. */
export interface TrainSettings
  extends Pick<
    TrainOptions,
    "validation" | "test" | "allowChanges" | "checkpointMinutes" | "keepStates" | "onNaN" | "onBadImage" | "precision"
  > {
  /** Run folder: weights, log and everything needed to resume. */
  readonly output: string;
  /**
   * A packaged recipe's name, a recipe's file, or settings; by default chosen to fit the data and reported by an event.
   */
  readonly recipe?: string | RecipeSettings;
  /** Changes to the recipe. */
  readonly settings?: RecipeSettings;
  /** A registered model's name, a model created for the data's classes, or the definition of one. */
  readonly model?: string | Model | OwnModel;
  /** Weights to start from: a file, a run folder, `hub` or `hub:owner/name`. */
  readonly finetune?: string;
  /** Passes over the training images. */
  readonly epochs?: number;
  /** Images per step. */
  readonly batchSize?: number;
  /**
   * The loss against labels instead of the recipe's: from logits and targets, both float32 `[batch, classes]`, to a scalar.
   * The run folder cannot record it.
   */
  readonly loss?: Loss;
  /**
   * Changes each training image after crop, flips and the recipe's own augmentation: from 8-bit RGB of the model's size
   * to the same, with the random numbers of that view. It runs on this thread even if worker threads read images, so a
   * slow function slows down training. The run folder cannot record it.
   */
  readonly augment?: OwnAugmentation;
  /**
   * Share of each class that is held out for testing, or "given" to use only the data's own parts. By default, a share
   * is held out if the data has no part for testing and none is given.
   */
  readonly split?: number | "given";
  /**
   * Resumes the run in `output`, with its recipe unless a different one is given; its data and model must be the same.
   */
  readonly resume?: boolean;
  /** Where the run computes: an engine's name, its settings, or an open one, which stays open (default: `auto`). */
  readonly engine?: EngineOption;
  /** Threads that read images (default: one fewer than the machine has). */
  readonly workers?: number;
  /**
   * Called while data is opened that takes long, such as archives and downloads. Most is opened before there is a run; the
   * rest is also told by its events.
   */
  readonly onProgress?: OnOpening;
  /** Saves the run and stops it. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a model on images, starting immediately: `data` is a path in any format, a dataset (`openDataset`,
 * `memoryDataset`), or your own images, `{ length, classes, read(index) }`, which are read when needed. Read the events
 * of the returned run, or await `finished`. Throws UsageError or FileError for invalid options.
 *
 * @example
 * ```js
 * import { train } from "deit";
 *
 * const run = await train("photos/", { recipe: "small-data", epochs: 20, output: "runs/cats" });
 * for await (const event of run) if (event.kind === "epoch") console.log(event.record.epoch, event.record.test?.top1);
 * console.log((await run.finished).bestTop1);
 * ```
 */
export async function train(data: TrainingImages, settings: TrainSettings): Promise<TrainingRun> {
  checkOptions("train", settings, trainOptions, ofRecipe);
  return begin(data, settings, {});
}

const trainOptions: OptionChecks<TrainSettings> = {
  output: { allows: (value) => typeof value === "string" && value !== "", expected: "the folder to write to" },
  ...{ recipe: undefined, settings: undefined, model: undefined, finetune: undefined, epochs: undefined },
  ...{ batchSize: undefined, loss: aFunction, augment: aFunction, validation: undefined, test: undefined },
  split: {
    allows: (value) => value === "given" || (typeof value === "number" && value > 0 && value < 1),
    expected: 'a share between 0 and 1, such as 0.2, or "given"',
  },
  ...{ resume: aBoolean, engine: undefined, workers: wholeFrom(0), signal: abortSignal, allowChanges: strings },
  onProgress: aFunction,
  ...{ checkpointMinutes: positive, keepStates: wholeFrom(1), onNaN: oneOf("stop", "skip", "rollback") },
  ...{ onBadImage: oneOf("stop", "skip"), precision: oneOf("float32", "bfloat16") },
};

/** Where to write an option that is a setting of the recipe. */
const ofRecipe = (key: string): string | undefined =>
  key in recipeSchema.shape
    ? `, but the recipe has a setting of that name; give it as settings: { ${key} }.`
    : undefined;

/** Starts a run; `taught` are settings that override all others, `teacher` one that they refer to. */
async function begin(
  images: TrainingImages,
  options: TrainSettings,
  taught: RecipeSettings,
  teacher?: PassedTeacher,
): Promise<TrainingRun> {
  const {
    recipe: asked,
    settings,
    model,
    finetune,
    epochs,
    batchSize,
    engine,
    signal,
    onProgress,
    ...others
  } = options;
  const { split: _, ...passed } = others;
  if (options.output === undefined) throw new UsageError("A run needs a folder to write to; give it as output.");
  const own = ownModel(model);
  const changes: RecipeSettings = {
    ...defined(settings ?? {}),
    ...defined({ finetune, epochs, batchSize, model: own?.name ?? model, ...taught }),
  };
  const known = asked === undefined && options.resume ? (await describeRun(options.output))?.recipe : undefined;
  const base = typeof asked === "string" ? await readRecipe(asked) : (asked ?? known);
  // Errors in the recipe are reported before anything is opened.
  if (base) parseRecipe(changed(base, changes));
  if (!isImages(images))
    throw new UsageError(
      `The images to train on are ${shown(images)}; give a path, a dataset, or { length, classes, read(index) }.`,
    );
  const data = typeof images === "object" && isOwnSamples(images) ? await sampleDataset(images, signal) : images;
  const split = await splitOf(data, options);
  const training = base && !split.whole ? undefined : await trainingPart(data, split, options);
  const chosen = base
    ? { value: base, notes: [] }
    : await chosenSettings(training!, {
        settings: own ? { ...changes, model: undefined } : changes,
        steps: (options.loss ?? options.augment ?? teacher) !== undefined,
        ownModel: own !== undefined,
        ownLoss: options.loss !== undefined,
      });
  // Settings that the caller has written are meant for the caller's model, those of a packaged recipe for its own.
  const fitting =
    own && typeof asked !== "object" && (base === undefined || base !== known)
      ? withoutSizes(chosen.value, own.name)
      : { value: chosen.value, notes: [] };
  const recipe = parseRecipe(changed(fitting.value, changes));
  const notes = [...split.notes, ...chosen.notes, ...fitting.notes];
  if (options.augment) notes.push("Images are augmented by the caller's function, which the run folder cannot record.");
  if (options.loss) notes.push("The loss is a function of the caller's own, which the run folder cannot record.");
  if (teacher && isFunction(teacher) && teacher.identity === undefined)
    notes.push(
      "The teacher is a function without an identity, so a run that continues cannot tell whether it is still the same.",
    );
  const lease = await leaseEngine(engine);
  return startRun(async (tell, stopped) => {
    const onEvent = (event: TrainEvent) => {
      if (event.kind === "opening") onProgress?.(event);
      tell(event);
    };
    for (const message of notes) onEvent({ kind: "warning", message });
    try {
      const workers = options.workers ?? Math.max(1, availableParallelism() - 1);
      const given = { ...passed, data, recipe, workers, ownModel: own, ownTeacher: teacher, onEvent, training };
      return await trainByRecipe({ ...given, split: split.value, signal: stopped, engine: lease.engine });
    } finally {
      await lease.release();
    }
  }, signal);
}

const isImages = (images: unknown): images is TrainingImages =>
  typeof images === "string" ||
  (typeof images === "object" && images !== null && "length" in images && ("read" in images || "source" in images));

async function splitOf(data: DataPlace, options: TrainSettings): Promise<ChosenSplit> {
  const { split, validation, resume, output } = options;
  const told = (value: SplitRule): ChosenSplit => ({ value, notes: [] });
  if (split === "given") return told({ kind: "given" });
  if (typeof split === "number") return told({ kind: "hash", share: split });
  if (resume && split === undefined) {
    const before = await describeRun(output);
    if (before) {
      const { split: share } = before.manifest;
      return told(share === undefined ? { kind: "given" } : { kind: "hash", share });
    }
  }
  return validation === undefined ? chosenSplit(data, options) : told({ kind: "given" });
}

function ownModel(model: TrainSettings["model"]): OwnModel | undefined {
  if (model === undefined || typeof model === "string") return undefined;
  if (modelNames().includes(model.name))
    throw new UsageError(
      `"${model.name}" is the name of a built-in model; rename yours, so that its checkpoints are not mistaken for that model's.`,
    );
  return "create" in model ? model : { name: model.name, create: () => model };
}

const defined = (settings: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));

/** How a model learns from a teacher. */
export interface DistilSettings extends Omit<TrainSettings, "model"> {
  /**
   * A registered model's name (its published weights), a run folder, a file of weights, an ONNX file; `{ model, weights }`,
   * by name and file or in memory; or a function from images to logits, with its view of images if that differs from the
   * student's. A function, and a model in memory, must be passed again when a run is resumed.
   */
  readonly teacher: string | NamedWeights | ModelInMemory | TeacherFunction | OwnTeacher;
  /** The model to train (default: the recipe's model). */
  readonly student?: TrainSettings["model"];
  /**
   * `hard`: learn the teacher's predicted classes (the default); `soft`: its probabilities; `decoupled` and
   * `normalized`: those of the target class and of the others apart.
   */
  readonly mode?: "hard" | "soft" | "decoupled" | "normalized";
}

const { model: _, ...shared } = trainOptions;
const distilOptions: OptionChecks<DistilSettings> = {
  ...shared,
  ...{ teacher: undefined, student: undefined, mode: oneOf("hard", "soft", "decoupled", "normalized") },
};

/**
 * Trains a student on images and a teacher's predictions for them. Otherwise the same as `train`.
 *
 * @example
 * ```js
 * import { distil } from "deit";
 *
 * const student = "deit_tiny_patch16_224";
 * const run = await distil("photos/", { teacher: "runs/photos", student, epochs: 5, output: "runs/student" });
 * console.log((await run.finished).bestTop1);
 * ```
 */
export async function distil(data: TrainingImages, options: DistilSettings): Promise<TrainingRun> {
  checkOptions("distil", options, distilOptions, ofRecipe);
  const { teacher, student, mode = "hard", ...others } = options;
  const { taught, passed } = await teaching(teacher);
  return begin(data, { ...others, model: student }, { distillation: mode, ...taught }, passed);
}

/** The recipe settings for a teacher, and the teacher itself if no file holds it. */
async function teaching(
  teacher: DistilSettings["teacher"],
): Promise<{ readonly taught: RecipeSettings; readonly passed?: PassedTeacher }> {
  const byCaller = (passed: PassedTeacher) => ({ taught: { teacherWeights: ownTeacherName(passed) }, passed });
  if (typeof teacher === "function") return byCaller({ answer: teacher });
  if (typeof teacher === "string" && teacher !== "") {
    const { model, weights } = modelOrWeights(teacher);
    return { taught: model === undefined ? { teacherWeights: weights } : { teacher: model, teacherWeights: weights } };
  }
  if (typeof teacher === "object" && teacher !== null) {
    if ("answer" in teacher && typeof teacher.answer === "function") return byCaller(teacher);
    if ("weights" in teacher) return withWeights(teacher, byCaller);
  }
  throw new UsageError(
    `The teacher is ${shown(teacher)}; give a model's name, a run folder, weights, an ONNX file, { model, weights }, or a function from images to logits.`,
  );
}

/** A teacher of a model and its weights. Those of a definition are read here, since no recipe can name it. */
async function withWeights<T>(
  teacher: NamedWeights | ModelInMemory,
  inMemory: (teacher: ModelInMemory) => T,
): Promise<T | { readonly taught: RecipeSettings }> {
  const { model, weights } = teacher;
  if (typeof weights === "object") {
    if (typeof model === "object" && "forward" in model) return inMemory({ ...teacher, model, weights });
    throw new UsageError(
      "The weights of the teacher are in memory, so its model must be too; give { model: createModel(…), weights }.",
    );
  }
  if (typeof model !== "object") return { taught: { teacher: model, teacherWeights: weights } };
  if ("forward" in model)
    throw new UsageError(
      `The teacher "${model.name}" is in memory, so its weights must be too; give { model, weights } of openModel or initialize.`,
    );
  const opened = await openModel({ ownModel: model, weights });
  return inMemory({ ...opened, classes: opened.namedClasses });
}
