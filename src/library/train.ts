/** `train` and `distil`: a model learns from images. */
import { availableParallelism } from "node:os";
import type { SplitRule } from "../data/dataset/dataset.js";
import type { OwnAugmentation } from "../data/loading/on-this-thread.js";
import { isOwnSamples, type OwnSamples, sampleDataset } from "../data/sources/own-samples.js";
import { UsageError } from "../errors/errors.js";
import type { Model } from "../models/model.js";
import type { OwnModel } from "../models/own-model.js";
import { modelNames } from "../models/registry.js";
import type { DataPlace } from "../training/feed/data-place.js";
import { readRecipe } from "../training/recipe/file.js";
import { parseRecipe, type RecipeSettings } from "../training/recipe/recipe.js";
import type { TrainOptions } from "../training/run/train-options.js";
import { train as trainByRecipe } from "../training/run/trainer.js";
import { describeRun } from "../training/run-folder/manifest.js";
import type { Loss } from "../training/step/losses/index.js";
import { type OwnTeacher, ownTeacherName, type TeacherFunction } from "../training/teacher/function.js";
import { type ChosenSplit, chosenSettings, chosenSplit, trainingPart } from "./chosen.js";
import { type EngineOption, leaseEngine } from "./engine.js";
import { startRun, type TrainingRun } from "./run.js";

/** A path of any format, a dataset, or images that their caller reads. */
export type TrainingImages = DataPlace | OwnSamples;

/** How a model is trained. */
export interface TrainSettings
  extends Pick<
    TrainOptions,
    "validation" | "test" | "allowChanges" | "checkpointMinutes" | "keepStates" | "onNaN" | "onBadImage" | "precision"
  > {
  /** Run folder: weights, log and all that resuming needs. */
  readonly output: string;
  /** A packaged recipe's name, a recipe's file, or settings; by default chosen to fit the data, which an event reports. */
  readonly recipe?: string | RecipeSettings;
  /** Changes to the recipe. */
  readonly settings?: RecipeSettings;
  /** A registered model's name, a model made for the data's classes, or what makes one. */
  readonly model?: string | Model | OwnModel;
  /** Weights to begin from: a file, a run folder, `hub` or `hub:owner/name`. */
  readonly finetune?: string;
  /** Passes over the training images. */
  readonly epochs?: number;
  /** Images of a step. */
  readonly batchSize?: number;
  /**
   * The loss against labels instead of the recipe's: from logits and targets, both float32 `[batch, classes]`, to a scalar.
   * The run folder cannot record it.
   */
  readonly loss?: Loss;
  /**
   * Changes each training image after crop, flips and the recipe's own augmentation: 8-bit RGB of the model's size in, and
   * out, with the random numbers of that view. It runs on this thread, also where worker threads read images, so one that
   * is slow slows training. The run folder cannot record it.
   */
  readonly augment?: OwnAugmentation;
  /**
   * Share of each class that is set aside for testing, or "given" for the data's own parts alone. Unless told, a share is
   * set aside where the data has no part for testing and none is named.
   */
  readonly split?: number | "given";
  /** Goes on with the run in `output`, with its recipe unless another is given; its data and model must be the same. */
  readonly resume?: boolean;
  readonly engine?: EngineOption;
  /** Threads that read images (default: one less than the machine has). */
  readonly workers?: number;
  /** Saves the run and stops it. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a model on images and begins at once: `data` is a path of any format, a dataset (`openDataset`, `memoryDataset`),
 * or your own images, `{ length, classes, read(index) }`, which are read when they are needed. Read the events
 * of the run that comes back, or wait for `finished`. Throws UsageError or FileError for what is wrong with the options.
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
  return begin(data, settings, {});
}

/** Begins a run; `taught` are settings that come after all others, `teacher` a function that they name. */
async function begin(
  images: TrainingImages,
  options: TrainSettings,
  taught: RecipeSettings,
  teacher?: OwnTeacher,
): Promise<TrainingRun> {
  const { recipe: asked, settings, model, finetune, epochs, batchSize, engine, signal, split: _, ...passed } = options;
  if (typeof options.output !== "string" || options.output === "")
    throw new UsageError("A run needs a folder to write to; give it as output.");
  const own = ownModel(model);
  const changes = defined({ ...settings, finetune, epochs, batchSize, model: own?.name ?? model, ...taught });
  const known = asked === undefined && options.resume ? (await describeRun(options.output))?.recipe : undefined;
  const base = typeof asked === "string" ? await readRecipe(asked) : (asked ?? known);
  // A recipe that is wrong is told before anything is opened.
  if (base) parseRecipe({ ...base, ...changes });
  const data = typeof images === "object" && isOwnSamples(images) ? await sampleDataset(images, signal) : images;
  const split = await splitOf(data, options);
  const training = base && !split.whole ? undefined : await trainingPart(data, split, signal);
  const chosen = base
    ? { value: base, notes: [] }
    : await chosenSettings(training!, {
        ...{ finetune, batchSize, model: typeof model === "string" ? model : undefined },
      });
  const recipe = parseRecipe({ ...chosen.value, ...changes });
  const notes = [...split.notes, ...chosen.notes];
  if (options.augment) notes.push("Images are augmented by the caller's function, which the run folder cannot record.");
  if (options.loss) notes.push("The loss is a function of the caller's own, which the run folder cannot record.");
  if (teacher && teacher.identity === undefined)
    notes.push(
      "The teacher is a function without an identity, so a run that continues cannot tell whether it is still the same.",
    );
  const lease = await leaseEngine(engine);
  return startRun(async (onEvent, stopped) => {
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

async function splitOf(
  data: DataPlace,
  { split, validation, resume, output, signal }: TrainSettings,
): Promise<ChosenSplit> {
  const told = (value: SplitRule): ChosenSplit => ({ value, notes: [] });
  if (split === "given") return told({ kind: "given" });
  if (typeof split === "number") {
    if (!(split > 0 && split < 1))
      throw new UsageError(`split is ${split}; give a share between 0 and 1, such as 0.2, or "given".`);
    return told({ kind: "hash", share: split });
  }
  if (resume && split === undefined) {
    const before = await describeRun(output);
    if (before) {
      const { split: share } = before.manifest;
      return told(share === undefined ? { kind: "given" } : { kind: "hash", share });
    }
  }
  return validation === undefined ? chosenSplit(data, signal) : told({ kind: "given" });
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
   * A registered model's name (its published weights), a run folder, a file of weights, an ONNX file, or a function from
   * images to logits, with what it wants to see where that is not what the student sees. A function must be given again
   * to a run that continues.
   */
  readonly teacher: string | TeacherFunction | OwnTeacher;
  /** Who learns (default: the recipe's model). */
  readonly student?: TrainSettings["model"];
  /** `hard`: from the teacher's decisions (the default); `soft`: from its probabilities. */
  readonly mode?: "hard" | "soft";
}

/**
 * Trains a student on images and what a teacher says of them. All else is as in `train`.
 *
 * @example
 * ```js
 * import { distil } from "deit";
 *
 * const student = "deit_small_patch16_224";
 * const run = await distil("photos/", { teacher: "runs/teacher", student, mode: "hard", output: "runs/student" });
 * console.log((await run.finished).bestTop1);
 * ```
 */
export async function distil(data: TrainingImages, options: DistilSettings): Promise<TrainingRun> {
  const { teacher, student, mode = "hard", ...others } = options;
  if (mode !== "hard" && mode !== "soft")
    throw new UsageError(`There is no mode of distillation "${String(mode)}" with a teacher; choose hard or soft.`);
  return begin(data, { ...others, model: student }, { distillation: mode, ...teaching(teacher) }, ownTeacher(teacher));
}

/** A teacher that is a function, or has one. */
function ownTeacher(teacher: DistilSettings["teacher"]): OwnTeacher | undefined {
  if (typeof teacher === "function") return { answer: teacher };
  return typeof teacher === "object" && teacher !== null && typeof teacher.answer === "function" ? teacher : undefined;
}

/** The settings of a recipe that name a teacher. */
function teaching(teacher: DistilSettings["teacher"]): RecipeSettings {
  const own = ownTeacher(teacher);
  if (own) return { teacherWeights: ownTeacherName(own) };
  if (typeof teacher !== "string" || teacher === "")
    throw new UsageError(
      "There is no teacher; give a model's name, a run folder, weights, an ONNX file, or a function from images to logits by teacher.",
    );
  return modelNames().includes(teacher) ? { teacher, teacherWeights: "hub" } : { teacherWeights: teacher };
}
