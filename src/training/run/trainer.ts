/** A training run, from data to best checkpoint. Reads from top to bottom. */

import { alone } from "../../cluster/process-group.js";
import { StopVote } from "../../cluster/stop-vote.js";
import type { Dataset } from "../../data/dataset/dataset.js";
import { FileError, InterruptedError, OutOfMemoryError, TrainingError, UsageError } from "../../errors/errors.js";
import { messageOf, textOf } from "../../errors/message-of.js";
import { type Message, sentence, setting } from "../../errors/sentence.js";
import { Classifier } from "../../evaluation/classifier.js";
import { type EvalMetric, lowerIsBetter, measureOf, scoreOf, usualMetric } from "../../evaluation/eval-metric.js";
import { evaluate } from "../../evaluation/evaluate.js";
import type { EvaluationResult } from "../../evaluation/metrics.js";
import { viewLoader } from "../../evaluation/view-loader.js";
import { adaptWeights } from "../../models/adapt.js";
import type { Model } from "../../models/model.js";
import { Closing } from "../../system/closing.js";
import { freeUnusedMemory } from "../../system/unused-memory.js";
import { sizeOf } from "../../tensor/index.js";
import { loadWeights } from "../../weights/load.js";
import { classSizeWarnings, samplingSentences } from "../feed/class-sizes.js";
import { classWeightSentences } from "../feed/class-weights.js";
import { resumedSplit, viewOf } from "../feed/training-data.js";
import type { Recipe } from "../recipe/recipe.js";
import { runWarnings } from "../recipe/warnings.js";
import type { EpochRecord } from "../run-folder/events.js";
import { afterEvaluation } from "../run-folder/plateau-state.js";
import { nextEpoch, type Position } from "../run-folder/position.js";
import { evaluates, isBetter, metricOf, outOfPatience, ranked } from "../run-folder/ranking.js";
import { mostRollbacks, recordBroken, rollBack } from "./broken-run.js";
import { epochWeights, removeOtherEpochs, saveWeights } from "./checkpoint.js";
import { trainEpoch } from "./epoch.js";
import type { FittedHead } from "./fitted-head.js";
import { namingFittingBatch } from "./fitting-batch.js";
import { spikeWatcher } from "./loss-spikes.js";
import { type OpenRun, openRun, placeOf } from "./open-run.js";
import { planRun } from "./plan.js";
import { seenImageWarnings } from "./seen-images.js";
import type { TrainOptions } from "./train-options.js";

/** The result of a training run. */
export interface TrainResult {
  /** The model that was trained. */
  readonly model: Model;
  /** Class names in the order of its outputs. */
  readonly classes: readonly string[];
  /** Records of the epochs that were trained now. */
  readonly epochs: readonly EpochRecord[];
  /** The best epoch of those trained in this call. */
  readonly best?: EpochRecord;
  /** Percent, over the whole run, including epochs before it was resumed. */
  readonly bestTop1?: number;
  /** The same of images with several labels: the best mean average precision, in percent. */
  readonly bestMap?: number;
  /** The measure by which the best epoch was chosen. */
  readonly evalMetric: EvalMetric;
  /** The part that the best epoch was chosen on; undefined without evaluation. */
  readonly testPart?: "validation" | "test";
  /** Result of the best weights on the test part, if they were chosen on the validation part. */
  readonly final?: EvaluationResult;
  /** The run folder. */
  readonly folder: string;
  /** Whether the run ended before its last epoch; it can be resumed. */
  readonly interrupted: boolean;
  /** Whether it ended before its last epoch because evaluations brought nothing better (`patience`). */
  readonly stoppedEarly: boolean;
}

/**
 * Trains a model by a recipe into a run folder, or resumes the run in it. Throws DeitErrors: UsageError and FileError
 * before anything is written, TrainingError if it cannot continue, InterruptedError if `signal` ends it (everything
 * finished is on disk).
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { group = alone, resume = false } = options;
  if (group.count > 1 && options.onNaN === "rollback")
    throw new UsageError(
      sentence`Several processes cannot go back to a saved state together; use ${setting("onNan", "stop")} or skip.`,
    );

  const rule = await resumedSplit(options.output, resume, options.split);
  const plan = await planRun({
    ...options,
    split: rule,
    training: rule === options.split ? options.training : undefined,
  });
  const closing = new Closing();
  closing.add(() => plan.teaching.batches?.close());
  try {
    const run = await openRun(options, plan, closing, rule);
    freeUnusedMemory();
    return await trainEpochs(options, run);
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    throw await namingFittingBatch(error, { ...plan.search, least: plan.recipe.accumulate + 1 });
  } finally {
    await closing.close();
  }
}

async function trainEpochs(options: TrainOptions, run: OpenRun): Promise<TrainResult> {
  const { recipe, found, test, model, group, folder, state, checkpoints, onEvent, warn } = run;
  const stepsPerEpoch = Math.floor(run.loader.stepsPerEpoch / recipe.accumulate);
  const signal = AbortSignal.any([options.signal, folder.lost].filter((s) => s !== undefined));
  const stop = new StopVote(signal, group);
  const spikes = spikeWatcher();
  const between = 60_000 * (options.checkpointMinutes ?? 10);
  const metric = metricOf(recipe);
  const onNaN = options.onNaN ?? "stop";
  const records: EpochRecord[] = [];
  let best: EpochRecord | undefined;
  let { position } = run;
  let waitedBefore = checkpoints.waited;
  onEvent({
    kind: "start",
    model,
    steps: stepsPerEpoch * recipe.epochs,
    stepsDone: position.step,
    batchSize: recipe.batchSize,
    accumulate: recipe.accumulate,
    images: run.dataset.length,
    parameters: model.parameters.reduce((n, p) => n + sizeOf(p.shape), 0),
    engine: run.engine.info,
    testPart: run.testPart,
    evalMetric: metric,
  });

  /** Records what is done of the run, and its weights; `after` is where it continues. */
  const conclude = async (done: DoneEpoch, result: EvaluationResult | undefined, after: (at: Position) => Position) => {
    const checkpointWait = (checkpoints.waited - waitedBefore) / 1000 / done.seconds;
    waitedBefore = checkpoints.waited;
    const record: EpochRecord = { ...done, checkpointWait, test: result };
    records.push(record);
    const isBest = !test || (result !== undefined && isBetter(scoreOf(result, metric), position));
    position = after(result ? measuredAt(position, done.epoch, result, recipe) : position);
    const { kept } = position;
    if (isBest) best = record;
    await checkpoints.save(state, position, async (tensors) => {
      const about = {
        ...{ classes: found.classes, view: viewOf(recipe, model), trainedOn: run.trainedOn },
        severalLabels: recipe.labels === "several",
      };
      if (isBest) await saveWeights(folder, "best", model, about, tensors, run.prefix);
      await saveWeights(folder, "last", model, about, tensors, run.prefix);
      if (recipe.keepBest > 1) {
        if (kept.some(({ epoch }) => epoch === done.epoch))
          await saveWeights(folder, epochWeights(done.epoch), model, about, tensors, run.prefix);
        await removeOtherEpochs(folder, kept);
      }
      await folder.log({ kind: "epoch", ...record });
    });
    onEvent({ kind: "epoch", record });
  };

  for (const message of classWeightSentences(run, recipe)) warn(message);
  for (const message of samplingSentences(run.dataset, recipe)) warn(message);
  const builtOn = { ...recipe, finetune: options.finetune ?? recipe.finetune };
  for (const message of runWarnings(builtOn, stepsPerEpoch)) warn(message);
  if (position.step === 0) {
    const measured = [test, run.final].filter((part) => part !== undefined);
    if (recipe.labels === "one") for (const message of classSizeWarnings(run.dataset, test)) warn(message);
    for (const message of await seenImageWarnings(builtOn, { found, measured })) warn(message);
  }
  if (run.fitted) {
    const result = test && (await evaluateOn(test, run, options));
    // Nothing is saved that would make a later process consider the fit evaluated: it fits again.
    if (test && !result) throw new InterruptedError("Training was interrupted while it measured the fitted head.");
    await conclude(fittedRecord(run.fitted), result, (at) => at);
  }
  while (position.epoch < recipe.epochs && !outOfPatience(recipe, position) && !(await stop.due())) {
    const end = await trainEpoch({
      ...run,
      ...{ position, stepsPerEpoch, stop, taught: run.teaching.batches },
      passOverBroken: onNaN === "skip",
      pauseDue: () => checkpoints.age > between,
      onPause: (at) => checkpoints.save(state, at),
      onEvent: (event) => {
        onEvent(event);
        const spike = event.kind === "step" ? spikes(event.step, event.loss) : undefined;
        if (spike) onEvent({ kind: "warning", message: spike, about: "loss jump" });
      },
    });
    position = end.position;
    if (end.kind === "failed") {
      await saveAndStop(run, position, messageOf(end.error));
      throw resumable(end.error, position);
    }
    if (end.kind === "broken") {
      const hopeless = position.rollbacks === mostRollbacks || end.run.what === "teacher";
      const action = hopeless ? "stop" : onNaN;
      const reason = await recordBroken(run, end.run, position, action);
      if (action !== "rollback") {
        await saveAndStop(run, position, reason);
        throw new TrainingError(reason);
      }
      position = await rollBack(run, end.run, position, await run.lastState());
      warn(sentence`${reason} Training goes back to step ${position.step} and continues from there at a lower rate.`);
      continue;
    }
    const done = end.kind === "done" ? end : undefined;
    const measured = test && evaluates(recipe, position.epoch + 1) ? test : undefined;
    const result = done && measured && (await evaluateOn(measured, run, { ...options, signal }));
    if (!done || (measured && !result)) {
      await saveAndStop(run, position, "interrupted"); // the run continues from the very next batch
      break;
    }
    await conclude(done.record, result, nextEpoch);
  }
  await checkpoints.settle();
  await folder.confirm();
  const { epoch, step, bestTop1: bestScore } = position;
  const bestOf =
    bestScore < 0 || !test ? {} : recipe.labels === "several" ? { bestMap: bestScore } : { bestTop1: bestScore };
  const stoppedEarly = outOfPatience(recipe, position);
  const trained = epoch >= recipe.epochs || stoppedEarly;
  const result = trained && run.final ? await evaluateBest(run.final, run, options) : undefined;
  const finished = trained && (!run.final || result !== undefined);
  if (finished)
    await folder.log({
      kind: "finished",
      epoch,
      step,
      ...(stoppedEarly ? { stoppedEarly } : {}),
      ...bestOf,
      test: result,
    });
  if (result) onEvent({ kind: "final", result });
  return {
    model,
    classes: found.classes,
    epochs: records,
    best,
    ...bestOf,
    ...{ testPart: run.testPart, evalMetric: metric },
    final: result,
    folder: folder.path,
    interrupted: !finished,
    stoppedEarly: finished && stoppedEarly,
  };
}

/** The position with the result of an evaluation, which ranks the epoch and may let the rate fall. */
function measuredAt(position: Position, epoch: number, result: EvaluationResult, recipe: Recipe): Position {
  const metric = metricOf(recipe);
  const top1 = measureOf(result, usualMetric(result));
  const next = ranked(position, { epoch, score: scoreOf(result, metric), top1 }, recipe.keepBest);
  // Rates of the warm-up do not depend on the schedule.
  if (recipe.schedule !== "plateau" || epoch <= recipe.warmupEpochs) return next;
  const how = { lower: lowerIsBetter(metric), patience: recipe.patienceEpochs };
  return { ...next, plateau: afterEvaluation(position.plateau, measureOf(result, metric), how) };
}

type DoneEpoch = Omit<EpochRecord, "test" | "checkpointWait">;

/** The log line of heads that were fitted before the first step. */
function fittedRecord({ loss, accuracy, images, seconds }: FittedHead): DoneEpoch {
  const measured = { trainLoss: loss, trainTop1: 100 * accuracy, imagesPerSecond: images / seconds, seconds };
  return { epoch: 0, step: 0, lr: 0, ...measured, loaderWait: 0 };
}

/** Saves the run's position, so that nothing is lost when it ends. */
async function saveAndStop(
  { state, checkpoints, folder }: OpenRun,
  position: Position,
  reason: Message,
): Promise<void> {
  await checkpoints.save(state, position);
  await checkpoints.settle();
  await folder.log({ kind: "stopped", reason: String(reason), ...placeOf(position) });
}

/** The error for data that could not be read, with the way out. */
function resumable(error: unknown, { step }: Position): unknown {
  const message = sentence`${textOf(error)} The run is saved at step ${step}: repair the data, then continue with ${setting("resume")}.`;
  return error instanceof FileError ? new FileError(error.path, message, { cause: error }) : error;
}

/** Accuracy of the best weights in the run folder on images that they were not chosen on. */
async function evaluateBest(
  dataset: Dataset,
  run: OpenRun,
  options: TrainOptions,
): Promise<EvaluationResult | undefined> {
  const { engine, group, folder, model } = run;
  await group.gather("best weights", true); // they exist from here on
  const source = folder.file("best.safetensors");
  const weights = adaptWeights(model, (await loadWeights(source)).tensors, { source, imageSize: model.imageSize });
  const classifier = await Classifier.create({ engine, model }, weights);
  return evaluateOn(dataset, { engine, group, recipe: run.recipe, classifier, shapes: run.shapes }, options).finally(
    () => classifier.dispose(),
  );
}

/** Accuracy on images; undefined if interrupted. */
async function evaluateOn(
  dataset: Dataset,
  { engine, group, recipe, classifier, shapes }: Pick<OpenRun, "engine" | "group" | "recipe" | "classifier" | "shapes">,
  { workers, signal }: TrainOptions,
): Promise<EvaluationResult | undefined> {
  // Some devices may get no image of the last batch, but all get the same number of slots.
  const { devices } = engine.info;
  const batchSize = Math.ceil(Math.min(64, dataset.length) / devices) * devices;
  const view = viewOf(recipe, classifier.model);
  const loader = viewLoader({ dataset, view, batchSize, workers, shapes, process: group });
  try {
    // If several evaluate together, one must not stop without the others.
    const { describe } = dataset;
    const perClass = metricOf(recipe) === "meanClassTop1";
    const heeded = group.count === 1 ? signal : undefined;
    return await evaluate({ classifier, loader, describe, signal: heeded, group, perClass });
  } catch (error) {
    if (error instanceof InterruptedError) return undefined;
    throw error;
  } finally {
    await loader.close();
  }
}
