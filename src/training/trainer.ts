/** A training run, from data to best checkpoint. Reads from top to bottom. */

import { findBadImages } from "../data/check-images.js";
import { type Dataset, subset } from "../data/dataset.js";
import { createLoader, type Loader } from "../data/loader.js";
import { openDataset } from "../data/open.js";
import type { TrainingTransform, Transform } from "../data/transform.js";
import type { DeviceState, Engine, Executable, Precision } from "../engines/engine.js";
import { FileError, TrainingError } from "../errors.js";
import { Classifier } from "../evaluation/classifier.js";
import { evaluate } from "../evaluation/evaluate.js";
import type { EvaluationResult } from "../evaluation/metrics.js";
import { adaptWeights } from "../models/adapt.js";
import { initialize } from "../models/initialize.js";
import type { Model } from "../models/model.js";
import { createModel } from "../models/registry.js";
import { RandomStream } from "../random/stream.js";
import { type HostTensor, hostTensor, type NamedTensors, zeros } from "../tensor/index.js";
import { loadWeights } from "../weights/load.js";
import { loadState, type Position, saveState, saveWeights } from "./checkpoint.js";
import { createOptimizer, type OptimizerOptions } from "./optimizer.js";
import type { Recipe } from "./recipe.js";
import { openRunFolder, type RunFolder } from "./run-folder.js";
import { learningRate, scaledLearningRate } from "./schedule.js";
import { type Step, stepInputs, trainStep } from "./step.js";
import { dropoutSeedInput, dropPathInput } from "./training-context.js";

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

export type TrainEvent =
  | {
      readonly kind: "start";
      readonly model: Model;
      readonly steps: number;
      readonly batchSize: number;
      readonly images: number;
      readonly parameters: number;
    }
  | {
      readonly kind: "step";
      readonly step: number;
      readonly loss: number;
      readonly lr: number;
      readonly images: number;
    }
  | { readonly kind: "epoch"; readonly record: EpochRecord }
  | { readonly kind: "warning"; readonly message: string };

/** One line of the log. */
export interface EpochRecord {
  readonly epoch: number;
  readonly step: number;
  readonly lr: number;
  readonly trainLoss: number;
  /** Percent of training views classified right, as augmented. */
  readonly trainTop1: number;
  readonly test?: EvaluationResult;
  readonly imagesPerSecond: number;
  /** Share of the time spent waiting for data. */
  readonly loaderWait: number;
  readonly seconds: number;
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
    parameters: model.parameters.reduce((n, p) => n + p.shape.reduce((a, b) => a * b, 1), 0),
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

interface EpochWork {
  readonly recipe: Recipe;
  readonly loader: Loader;
  readonly executable: Executable;
  readonly state: DeviceState;
  readonly step: Step;
  readonly optimizerOptions: OptimizerOptions;
  readonly position: Position;
  readonly stepsPerEpoch: number;
  readonly folder: RunFolder;
  readonly signal?: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
}

/** Undefined when interrupted. */
async function trainEpoch(work: EpochWork): Promise<EpochRecord | undefined> {
  const { recipe, loader, executable, state, position, stepsPerEpoch, signal, onEvent } = work;
  const optimizer = createOptimizer(work.optimizerOptions);
  const schedule = { ...recipe, lr: recipe.scaleLr ? scaledLearningRate(recipe.lr, recipe.batchSize) : recipe.lr };
  const start = performance.now();
  const waitedBefore = loader.waited();
  const totals = { loss: 0, correct: 0, runs: 0 };
  let done = position.step;
  let lr = 0;
  const settle = async (outputs: Promise<Map<string, HostTensor>>, indices: Int32Array, rate: number, at: number) => {
    const results = await outputs;
    const value = (name: string) => (results.get(name)!.data as Float32Array)[0];
    const loss = value("loss");
    if (!Number.isFinite(loss) || !Number.isFinite(value("gradientNorm"))) await stopOnNaN(work, loss, indices, at);
    totals.loss += loss;
    totals.correct += value("correct");
    totals.runs++;
    onEvent({ kind: "step", step: at, loss, lr: rate, images: loader.batchSize });
  };

  // One run is under way while the next batch is handed over.
  let inFlight: Promise<void> | undefined;
  for await (const batch of loader.epoch(position.epoch)) {
    if (signal?.aborted) break;
    if (batch.step >= stepsPerEpoch * recipe.accumulate) break;
    const apply = (batch.step + 1) % recipe.accumulate === 0;
    lr = learningRate(schedule, position.epoch + batch.step / (stepsPerEpoch * recipe.accumulate));
    const scalars = {
      ...optimizer.scalars(lr, done + 1),
      [stepInputs.apply]: apply ? 1 : 0,
      [stepInputs.emaDecay]: recipe.emaDecay,
    };
    const data = stepData(work, batch, scalars);
    const run = settle(executable.run(state, data), batch.indices, lr, done + 1);
    run.catch(() => undefined); // awaited below, after the next batch is on its way
    await inFlight;
    inFlight = run;
    if (apply) done++;
  }
  await inFlight;
  if (signal?.aborted) return undefined;
  const seconds = (performance.now() - start) / 1000;
  return {
    epoch: position.epoch + 1,
    step: done,
    lr,
    trainLoss: totals.loss / totals.runs,
    trainTop1: (100 * totals.correct) / (totals.runs * loader.batchSize),
    imagesPerSecond: (totals.runs * loader.batchSize) / seconds,
    loaderWait: (loader.waited() - waitedBefore) / 1000 / seconds,
    seconds,
  };
}

/** The data inputs of one run; names the program does not use are left out. */
function stepData(
  work: EpochWork,
  batch: { images: Uint8Array; labels: Int32Array; step: number },
  scalars: Readonly<Record<string, number>>,
): NamedTensors {
  const { step, loader, recipe, position } = work;
  const data = new Map<string, HostTensor>();
  const key = { seed: recipe.seed, epoch: position.epoch, sample: batch.step };
  for (const { name, shape, role } of step.program.inputs) {
    if (role === "state") continue;
    if (name === stepInputs.images) data.set(name, hostTensor("uint8", shape, batch.images));
    else if (name === stepInputs.labels) data.set(name, hostTensor("int32", shape, batch.labels));
    else if (name === dropPathInput) {
      const stream = new RandomStream({ ...key, purpose: "dropPath" });
      data.set(
        name,
        hostTensor(
          "float32",
          shape,
          Float32Array.from({ length: step.dropPathSites * loader.batchSize }, () => stream.uniform()),
        ),
      );
    } else if (name === dropoutSeedInput) {
      const stream = new RandomStream({ ...key, purpose: "dropout" });
      data.set(name, hostTensor("int32", shape, Int32Array.of(stream.bits(), stream.bits())));
    } else data.set(name, hostTensor("float32", shape, Float32Array.of(scalars[name])));
  }
  return data;
}

async function stopOnNaN(
  { folder, position, recipe }: EpochWork,
  loss: number,
  indices: Int32Array,
  step: number,
): Promise<never> {
  const what = Number.isFinite(loss) ? "gradients" : "loss";
  await folder.log({
    kind: "stopped",
    reason: `the ${what} became infinite or NaN`,
    epoch: position.epoch + 1,
    step,
    samples: [...indices],
  });
  throw new TrainingError(
    `The ${what} became infinite or NaN at step ${step} (epoch ${position.epoch + 1}); the weights were not touched. Lower --lr (now ${recipe.lr}) or set --clip-gradient 1; the samples are in "${folder.file("log.jsonl")}".`,
  );
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

async function withoutBadImages(
  dataset: Dataset,
  { onBadImage = "stop", onEvent, workers }: TrainOptions,
): Promise<Dataset> {
  const bad = await findBadImages(dataset, workers);
  if (bad.length === 0) return dataset;
  const list = bad.map((b) => b.message).join("\n");
  if (onBadImage === "stop") {
    throw new FileError(
      bad[0].path,
      `${bad.length} of ${dataset.length} images cannot be read; mend or remove them, or pass over them with --on-bad-image skip:\n${list}`,
    );
  }
  onEvent?.({ kind: "warning", message: `${bad.length} images are passed over:\n${list}` });
  const skipped = new Set(bad.map((b) => b.index));
  return subset(
    dataset,
    Array.from({ length: dataset.length }, (_, i) => i).filter((i) => !skipped.has(i)),
  );
}

/** The test part; undefined when there is none, and then the last epoch counts as the best. */
async function testData(
  { data, validation, onEvent }: TrainOptions,
  classes: readonly string[],
): Promise<Dataset | undefined> {
  if (validation) return openDataset(validation, { split: "test", classes });
  const test = await openDataset(data, { split: "test", classes }).catch((error: unknown) => {
    if (error instanceof FileError) return undefined;
    throw error;
  });
  const train = await openDataset(data, { split: "train", classes });
  if (test && test.describe(0) !== train.describe(0)) return test;
  onEvent?.({
    kind: "warning",
    message: `"${data}" has no part for testing (test/ or val/); accuracy is not measured. Give one with --validation.`,
  });
  return undefined;
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

function trainingTransform(recipe: Recipe, { imageSize, cropRatio }: Model): Transform {
  const { crop, interpolation, flip, cropScale, cropRatio: ratio } = recipe;
  if (crop === "none") return { kind: "evaluation", size: imageSize, cropRatio, interpolation };
  const chosen: TrainingTransform["crop"] = crop === "auto" ? (imageSize <= 32 ? "padded" : "resized") : crop;
  return { kind: "training", size: imageSize, interpolation, crop: chosen, scale: cropScale, ratio, flip };
}
