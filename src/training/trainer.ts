/** A training run, from data to best checkpoint. Reads from top to bottom. */
import type { Dataset } from "../data/dataset.js";
import { createLoader } from "../data/loader.js";
import { openDataset } from "../data/open.js";
import type { Transform } from "../data/transform.js";
import type { Engine, Precision } from "../engines/engine.js";
import { TrainingError } from "../errors.js";
import { Classifier } from "../evaluation/classifier.js";
import { evaluate } from "../evaluation/evaluate.js";
import type { EvaluationResult } from "../evaluation/metrics.js";
import { adaptWeights } from "../models/adapt.js";
import { initialize } from "../models/initialize.js";
import type { Model } from "../models/model.js";
import { createModel } from "../models/registry.js";
import { type NamedTensors, sizeOf, zeros } from "../tensor/index.js";
import { loadWeights } from "../weights/load.js";
import { loadState, type Position, saveState, saveWeights } from "./checkpoint.js";
import { trainEpoch } from "./epoch.js";
import type { EpochRecord, TrainEvent } from "./events.js";
import type { OptimizerOptions } from "./optimizer.js";
import type { Recipe } from "./recipe.js";
import { openRunFolder } from "./run-folder.js";
import { type Step, trainStep } from "./step.js";
import { testData, trainingTransform, withoutBadImages } from "./training-data.js";

export interface TrainOptions {
  readonly recipe: Recipe;
  readonly engine: Engine;
  /** Path of the training data; its test part is used for evaluation. */
  readonly data: string;
  /** Another path for evaluation. */
  readonly validation?: string;
  readonly output: string;
  readonly resume?: boolean;
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

  // Data first: nothing is worth starting before it is known to be there and sound.
  const found = await openDataset(options.data, { split: "train" });
  const data = await withoutBadImages(found, options);
  const test = await testData(options, found.classes);

  const model = createModel(recipe.model, { ...modelOptions(recipe), classes: found.classes.length });
  const folder = await openRunFolder(options.output, { ...recipe, data: options.data }, options.resume ?? false);
  const loader = createLoader({
    dataset: data,
    batchSize: recipe.batchSize / checkedAccumulate(recipe),
    transform: trainingTransform(recipe, model),
    seed: recipe.seed,
    workers: options.workers,
    order: "shuffled",
    dropLast: true,
    jpeg: "fast",
    onBadImage: options.onBadImage,
    onSkipped: (message) => onEvent({ kind: "warning", message }),
  });

  // One program does a whole step; its state stays on the device until the end.
  const optimizerOptions = optimizerOf(recipe);
  const step = trainStep(model, {
    batch: loader.batchSize,
    optimizer: optimizerOptions,
    loss: recipe.loss,
    labelSmoothing: recipe.labelSmoothing,
    clipGradient: recipe.clipGradient,
    accumulate: recipe.accumulate,
    ema: recipe.emaDecay > 0,
  });
  const executable = await engine.compile(step.program, { precision: options.precision });
  const saved = options.resume ? await loadState(folder) : undefined;
  const state = await engine.createState(saved?.state ?? (await firstState(model, step, options)));
  const prefix = recipe.emaDecay > 0 ? "ema." : "";
  const classifier = Classifier.over({ engine, model, prefix }, state);
  let position: Position = saved?.position ?? { epoch: 0, step: 0, bestTop1: -1 };

  const stepsPerEpoch = Math.floor(loader.stepsPerEpoch / recipe.accumulate);
  onEvent({
    kind: "start",
    model,
    steps: stepsPerEpoch * recipe.epochs,
    batchSize: recipe.batchSize,
    images: data.length,
    parameters: model.parameters.reduce((n, p) => n + sizeOf(p.shape), 0),
  });
  const records: EpochRecord[] = [];
  let best: EpochRecord | undefined;
  try {
    while (position.epoch < recipe.epochs && !signal?.aborted) {
      const trained = await trainEpoch({
        recipe,
        loader,
        executable,
        state,
        step,
        optimizerOptions,
        position,
        stepsPerEpoch,
        folder,
        signal,
        onEvent,
      });
      if (!trained) break; // interrupted: the state of the last whole epoch stays
      const result = test && (await evaluateOn(test, classifier, options));
      const record: EpochRecord = { ...trained, test: result };
      records.push(record);
      const top1 = result?.top1 ?? 0;
      const isBest = top1 > position.bestTop1 || !test;
      position = { epoch: position.epoch + 1, step: trained.step, bestTop1: Math.max(top1, position.bestTop1) };
      const tensors = await state.read();
      if (isBest) {
        best = record;
        await saveWeights(folder, "best", model, found.classes, tensors, prefix);
      }
      await saveWeights(folder, "last", model, found.classes, tensors, prefix);
      await saveState(folder, tensors, position);
      await folder.log({ kind: "epoch", ...record });
      onEvent({ kind: "epoch", record });
    }
  } finally {
    await loader.close();
    await classifier.dispose().catch(() => undefined);
    await executable.dispose().catch(() => undefined);
    await state.dispose().catch(() => undefined);
  }
  return {
    model,
    classes: found.classes,
    epochs: records,
    best,
    folder: folder.path,
    interrupted: signal?.aborted ?? false,
  };
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
    interpolation: recipe.interpolation,
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

function modelOptions({ imageSize, patchSize, width, depth, heads, mlpRatio, dropPath, dropout }: Recipe) {
  return { imageSize, patchSize, width, depth, heads, mlpRatio, dropPath, dropout };
}

function optimizerOf(r: Recipe): OptimizerOptions {
  return r.optimizer === "adamw"
    ? { kind: "adamw", betas: r.betas, epsilon: r.epsilon, weightDecay: r.weightDecay }
    : { kind: "sgd", momentum: r.momentum, nesterov: r.nesterov, weightDecay: r.weightDecay };
}

function checkedAccumulate({ batchSize, accumulate }: Recipe): number {
  if (batchSize % accumulate !== 0) {
    throw new TrainingError(
      `A batch of ${batchSize} cannot be made in ${accumulate} equal runs; choose an --accumulate that divides it.`,
    );
  }
  return accumulate;
}
