/** A training run, from data to best checkpoint. Reads from top to bottom. */
import { cpus } from "node:os";
import type { Dataset, SplitRule } from "../data/dataset.js";
import { createLoader } from "../data/loader.js";
import { openDataset } from "../data/open.js";
import type { Transform } from "../data/transform.js";
import type { Engine, Precision } from "../engines/engine.js";
import { InterruptedError, TrainingError } from "../errors.js";
import { Classifier } from "../evaluation/classifier.js";
import { evaluate } from "../evaluation/evaluate.js";
import type { EvaluationResult } from "../evaluation/metrics.js";
import { adaptWeights } from "../models/adapt.js";
import { initialize } from "../models/initialize.js";
import type { Model } from "../models/model.js";
import { type NamedTensors, sizeOf, zeros } from "../tensor/index.js";
import { loadWeights } from "../weights/load.js";
import { beginning, Checkpointer, loadState, saveWeights } from "./checkpoint.js";
import { trainEpoch } from "./epoch.js";
import type { EpochRecord, TrainEvent } from "./events.js";
import { batchTransformOf, distillationOf, evaluationInterpolation, optimizerOf, type Recipe } from "./recipe.js";
import { openRunFolder, type RunFolder } from "./run-folder.js";
import { type Step, trainStep } from "./step.js";
import { createStudent } from "./student.js";
import { openTeacher, type Teacher, type TeacherAnswers } from "./teacher.js";
import { openTeacherCache } from "./teacher-cache.js";
import { recordSplit, resumedSplit, testData, trainingLoader, withoutBadImages } from "./training-data.js";

export interface TrainOptions {
  readonly recipe: Recipe;
  readonly engine: Engine;
  /** Path of the training data; its test part is used for evaluation. */
  readonly data: string;
  /** Another path for evaluation. */
  readonly validation?: string;
  /** How the data is divided for training and testing; by its own parts unless told. */
  readonly split?: SplitRule;
  readonly output: string;
  readonly resume?: boolean;
  /** Settings of the recipe that may differ from those of the run that is gone on with. */
  readonly allowChanges?: readonly string[];
  /** Minutes between saved states within an epoch; 10 unless told. */
  readonly checkpointMinutes?: number;
  /** Saved states that are kept; 2 unless told, so that a broken newest one loses little. */
  readonly keepStates?: number;
  /** What to do about a loss that is not a number: stop (unless told), or go on without that batch. */
  readonly onNaN?: "stop" | "skip";
  /** Weights to begin from; heads of another class count start anew. */
  readonly finetune?: string;
  readonly workers: number;
  readonly onBadImage?: "stop" | "skip";
  /** Number format of matrix products; float32 unless told. */
  readonly precision?: Precision;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainEvent) => void;
}

export interface TrainResult {
  readonly model: Model;
  readonly classes: readonly string[];
  readonly epochs: readonly EpochRecord[];
  readonly best?: EpochRecord;
  readonly folder: string;
  readonly interrupted: boolean;
}

export async function train(options: TrainOptions): Promise<TrainResult> {
  const { recipe, engine, signal, onEvent = () => undefined } = options;
  const warn = (message: string) => onEvent({ kind: "warning", message });

  // Data first: nothing is worth starting before it is known to be there and sound.
  const { resume = false, allowChanges } = options;
  const rule = await resumedSplit(options.output, resume, options.split);
  const found = await openDataset(options.data, { split: "train", rule });
  const data = await withoutBadImages(found, options);
  const test = await testData({ ...options, split: rule }, found.classes);
  const model = createStudent(recipe, found.classes.length);
  const teaching = await openTeaching(recipe, data, model);

  const share = options.split?.kind === "given" ? undefined : options.split?.share;
  const identity = { data: options.data, split: share, teacherIdentity: teaching.teacher?.identity };
  const folder = await openRunFolder(options.output, { ...recipe, ...identity }, resume, allowChanges);
  const loader = await orClose(folder, () => trainingLoader(data, recipe, model, options));

  const records: EpochRecord[] = [];
  let best: EpochRecord | undefined;
  let position = beginning;
  const opened: { dispose(): Promise<void> }[] = [];
  try {
    await recordSplit(folder, rule, found, test);
    await folder.log({ kind: "environment", ...environment(), ...engine.info });
    // One program does a whole step; its state stays on the device until the end.
    const optimizerOptions = optimizerOf(recipe);
    const step = trainStep(model, {
      batch: loader.batchSize,
      optimizer: optimizerOptions,
      loss: recipe.loss,
      labelSmoothing: recipe.labelSmoothing,
      distillation: distillationOf(recipe, model.distilled),
      transform: batchTransformOf(recipe),
      teacher: teaching.answers?.kind ?? teaching.teacher?.model,
      clipGradient: recipe.clipGradient,
      accumulate: recipe.accumulate,
      ema: recipe.emaDecay > 0,
    });
    const executable = await engine.compile(step.program, { precision: options.precision });
    opened.push(executable);
    const saved = options.resume ? await loadState(folder, warn) : undefined;
    const first = saved ? fittingState(saved.state, step, folder) : await firstState(model, step, options);
    const frozen = [...step.frozen.keys()].map((name) => [name, teaching.teacher!.state.get(name)!] as const);
    const state = await engine.createState(new Map([...first, ...frozen]));
    opened.push(state);
    const prefix = recipe.emaDecay > 0 ? "ema." : "";
    const classifier = Classifier.over({ engine, model, prefix }, state);
    opened.unshift(classifier);
    const checkpoints = new Checkpointer(folder, [...step.state.keys()], options.keepStates ?? 2);
    const between = 60_000 * (options.checkpointMinutes ?? 10);
    position = saved?.position ?? beginning;

    const stepsPerEpoch = Math.floor(loader.stepsPerEpoch / recipe.accumulate);
    onEvent({
      kind: "start",
      model,
      steps: stepsPerEpoch * recipe.epochs,
      batchSize: recipe.batchSize,
      images: data.length,
      parameters: model.parameters.reduce((n, p) => n + sizeOf(p.shape), 0),
    });
    while (position.epoch < recipe.epochs && !signal?.aborted) {
      const end = await trainEpoch({
        ...{ recipe, loader, engine, executable, state, step, optimizerOptions, position, stepsPerEpoch, folder },
        answers: teaching.answers,
        onNaN: options.onNaN ?? "stop",
        pauseDue: () => checkpoints.age > between,
        onPause: (at) => checkpoints.save(state, at),
        signal,
        onEvent,
      });
      position = end.position;
      const result = end.record && test && (await unlessInterrupted(evaluateOn(test, classifier, options)));
      if (!end.record || (test && !result)) {
        await checkpoints.save(state, position); // interrupted: the run goes on from the very next batch
        break;
      }
      const record: EpochRecord = { ...end.record, test: result };
      records.push(record);
      const top1 = result?.top1 ?? 0;
      const isBest = top1 > position.bestTop1 || !test;
      const { epoch, step: steps, bestTop1 } = position;
      position = { ...beginning, epoch: epoch + 1, step: steps, bestTop1: Math.max(top1, bestTop1) };
      if (isBest) best = record;
      await checkpoints.save(state, position, async (tensors) => {
        if (isBest) await saveWeights(folder, "best", model, found.classes, tensors, prefix);
        await saveWeights(folder, "last", model, found.classes, tensors, prefix);
      });
      await folder.log({ kind: "epoch", ...record });
      onEvent({ kind: "epoch", record });
    }
    await checkpoints.settle();
  } finally {
    await loader.close();
    for (const each of opened) await each.dispose().catch(() => undefined);
    await folder.close();
  }
  return {
    model,
    classes: found.classes,
    epochs: records,
    best,
    folder: folder.path,
    interrupted: position.epoch < recipe.epochs,
  };
}

/** The teacher, when the recipe has one: as a model in the step, or as stored answers. */
async function openTeaching(
  recipe: Recipe,
  data: Dataset,
  student: Model,
): Promise<{ readonly teacher?: Teacher; readonly answers?: TeacherAnswers }> {
  if (recipe.distillation !== "hard" && recipe.distillation !== "soft") return {};
  const teacher = recipe.teacherWeights === undefined ? undefined : await openTeacher(recipe, student, data.classes);
  if (recipe.teacherCache === undefined) return { teacher };
  const answers = await openTeacherCache(recipe.teacherCache, recipe, data, student, teacher?.identity);
  return { answers };
}

async function unlessInterrupted<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    if (error instanceof InterruptedError) return undefined;
    throw error;
  });
}

async function orClose<T>(folder: RunFolder, make: () => T): Promise<T> {
  try {
    return make();
  } catch (error) {
    await folder.close();
    throw error;
  }
}

/** What a result may depend on beside the recipe. */
function environment(): Record<string, unknown> {
  const { node, v8 } = process.versions;
  return { node, v8, system: `${process.platform} ${process.arch}`, processor: cpus()[0]?.model ?? "unknown" };
}

/** A saved state holds all that the step wants, or it is another program's. */
function fittingState(saved: NamedTensors, step: Step, folder: RunFolder): NamedTensors {
  for (const [name, shape] of step.state) {
    if (saved.get(name)?.shape.join() === shape.join()) continue;
    throw new TrainingError(
      `The saved state in "${folder.path}" does not fit the model: it lacks "${name}" of shape [${shape.join(", ")}]. Resume with the settings of its recipe.json.`,
    );
  }
  return saved;
}

async function evaluateOn(
  dataset: Dataset,
  classifier: Classifier,
  { workers, recipe, signal }: TrainOptions,
): Promise<EvaluationResult> {
  const { model } = classifier;
  const transform: Transform = {
    kind: "evaluation",
    size: model.imageSize,
    cropRatio: model.cropRatio,
    interpolation: evaluationInterpolation(recipe),
  };
  const batchSize = Math.min(64, dataset.length);
  const loader = createLoader({
    dataset,
    batchSize,
    transform,
    seed: 0,
    workers,
    order: "sequential",
    dropLast: false,
  });
  try {
    return await evaluate({ classifier, loader, signal });
  } finally {
    await loader.close();
  }
}

async function firstState(model: Model, step: Step, { recipe, finetune }: TrainOptions): Promise<NamedTensors> {
  const parameters = finetune
    ? adaptWeights(model, (await loadWeights(finetune)).tensors, { source: finetune, newHead: { seed: recipe.seed } })
    : initialize(model, recipe.seed);
  return new Map(
    [...step.state].map(([name, shape]) => [
      name,
      parameters.get(name.replace(/^ema\./, "")) ?? zeros("float32", shape),
    ]),
  );
}
