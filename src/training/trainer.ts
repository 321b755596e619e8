/** A training run, from data to best checkpoint. Reads from top to bottom. */
import type { Dataset, SplitRule } from "../data/dataset.js";
import { createLoader } from "../data/loader.js";
import { openDataset } from "../data/open.js";
import type { Engine, Precision } from "../engines/engine.js";
import { FileError, InterruptedError, OutOfMemoryError, TrainingError, UsageError } from "../errors.js";
import { Classifier } from "../evaluation/classifier.js";
import { evaluate } from "../evaluation/evaluate.js";
import type { EvaluationResult } from "../evaluation/metrics.js";
import type { Model } from "../models/model.js";
import { alone, leads, type ProcessGroup } from "../system/coordination/process-group.js";
import { sizeOf } from "../tensor/index.js";
import { mostRollbacks, type OnNaN, recordBroken, rollBack } from "./broken-run.js";
import { saveWeights } from "./checkpoint.js";
import { Checkpointer } from "./checkpointer.js";
import { trainEpoch } from "./epoch.js";
import { createEventFile } from "./event-file.js";
import type { EpochRecord, TrainEvent } from "./events.js";
import { fittedTeaching } from "./fitted-teaching.js";
import { namingFittingBatch } from "./fitting-batch.js";
import { spikeWatcher } from "./loss-spikes.js";
import { beginning, nextEpoch, type Position } from "./position.js";
import type { Recipe } from "./recipe.js";
import { stepOf } from "./recipe-step.js";
import { openRunFolder, type RunFolder, silentRunFolder } from "./run-folder.js";
import { environment, firstState, fittingState, manifestOf, otherEngine, requireSpaceForRun } from "./run-start.js";
import { StopVote } from "./stop-vote.js";
import { createStudent } from "./student.js";
import {
  evaluationTransform,
  recordSplit,
  resumedSplit,
  testData,
  trainingLoader,
  withoutBadImages,
} from "./training-data.js";

export interface TrainOptions {
  readonly recipe: Recipe;
  /** Divides the recipe's batch into as many runs (its `accumulate`) as memory asks for; the step stays the same. */
  readonly fitBatch?: boolean;
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
  /** What to do about a loss that is not a number; stop unless told. */
  readonly onNaN?: OnNaN;
  /** Weights to begin from instead of the recipe's `finetune`. */
  readonly finetune?: string;
  readonly workers: number;
  /** Processes that train together; the first one writes the run folder, which all must see. */
  readonly group?: ProcessGroup;
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
  /** The best epoch of those that were trained now. */
  readonly best?: EpochRecord;
  /** Percent, over the whole run: what went before it was gone on with included. */
  readonly bestTop1?: number;
  readonly folder: string;
  readonly interrupted: boolean;
}

export async function train(options: TrainOptions): Promise<TrainResult> {
  const { engine, signal, group = alone, resume = false } = options;
  if (group.count > 1 && options.onNaN === "rollback")
    throw new UsageError("Several processes cannot go back to a saved state together; use --on-nan stop or skip.");

  // Data first: nothing is worth starting before it is known to be there and sound.
  const rule = await resumedSplit(options.output, resume, options.split);
  const found = await openDataset(options.data, { split: "train", rule, signal });
  const data = await withoutBadImages(found, options);
  const test = await testData({ ...options, split: rule }, found.classes, found);
  const model = createStudent(options.recipe, found.classes.length);
  const { recipe, teaching, search } = await fittedTeaching(options, data, model, group);

  const manifest = manifestOf(options, data, teaching.identity);
  const open = async () =>
    leads(group)
      ? openRunFolder(options.output, { recipe, manifest }, resume, options.allowChanges)
      : silentRunFolder(options.output);
  const folder = await open().catch(async (error) => {
    await teaching.answers?.close();
    throw error;
  });
  const curves = leads(group) ? createEventFile(folder.path) : undefined;
  const onEvent = logged([options.onEvent, curves?.onEvent], folder);
  const warn = (message: string) => onEvent({ kind: "warning", message });

  const records: EpochRecord[] = [];
  let best: EpochRecord | undefined;
  let position = beginning;
  const opened: (() => Promise<void>)[] = [async () => teaching.answers?.close()];
  try {
    const loader = trainingLoader(data, recipe, model, { ...options, onEvent });
    opened.push(() => loader.close());
    if (leads(group)) await recordSplit(folder, rule, found, test);
    await group.gather("run folder", true); // it is there from here on
    await folder.log({ kind: "environment", ...environment(engine.info) });
    const other = otherEngine(folder, manifest);
    if (other) warn(other);
    // One program does a whole step; its state stays on the device until the end.
    const step = stepOf(recipe, model, teaching);
    const keep = options.keepStates ?? 2;
    await requireSpaceForRun(folder, step, model, keep);
    const executable = await engine.compile(step.program, { precision: options.precision });
    opened.unshift(() => executable.dispose());
    const checkpoints = new Checkpointer({
      folder,
      names: [...step.state.keys()],
      keep,
      onWarning: warn,
      readOnly: !leads(group),
    });
    const start = async () => ({
      state: await firstState(model, step, { ...recipe, ...(options.finetune && { finetune: options.finetune }) }),
      position: beginning,
    });
    const saved = resume ? await checkpoints.load() : undefined;
    const first = saved ? fittingState(saved, step, folder) : await start();
    const frozen = [...step.frozen.keys()].map((name) => [name, teaching.teacher!.state.get(name)!] as const);
    const state = await engine.createState(new Map([...first.state, ...frozen]));
    opened.unshift(() => state.dispose());
    const prefix = recipe.emaDecay > 0 ? "ema." : "";
    const classifier = Classifier.over({ engine, model, prefix }, state);
    opened.unshift(() => classifier.dispose());
    position = first.position;
    await sameForAll(group, position, folder);
    const stop = new StopVote(signal, group);
    if (folder.before) await folder.log({ kind: "resumed", ...placeOf(position), changed: folder.changes });

    const stepsPerEpoch = Math.floor(loader.stepsPerEpoch / recipe.accumulate);
    onEvent({
      kind: "start",
      model,
      steps: stepsPerEpoch * recipe.epochs,
      stepsDone: position.step,
      batchSize: recipe.batchSize,
      accumulate: recipe.accumulate,
      images: data.length,
      parameters: model.parameters.reduce((n, p) => n + sizeOf(p.shape), 0),
      engine: engine.info,
    });
    const spikes = spikeWatcher();
    let waitedBefore = checkpoints.waited;
    const between = 60_000 * (options.checkpointMinutes ?? 10);
    const onNaN = options.onNaN ?? "stop";
    const broken = { engine, state, step, folder, dataset: data, recipe, group };
    /** Saves where the run is, so that nothing is lost to the error. */
    const savedBefore = async (error: unknown, reason: string) => {
      await checkpoints.save(state, position);
      await checkpoints.settle();
      await folder.log({ kind: "stopped", reason, ...placeOf(position) });
      return error;
    };

    while (position.epoch < recipe.epochs && !(await stop.due())) {
      const end = await trainEpoch({
        ...{ recipe, loader, executable, state, position, stepsPerEpoch, stop },
        answers: teaching.answers,
        passOverBroken: onNaN === "skip",
        pauseDue: () => checkpoints.age > between,
        onPause: (at) => checkpoints.save(state, at),
        onEvent: (event) => {
          onEvent(event);
          const spike = event.kind === "step" ? spikes(event.step, event.loss) : undefined;
          if (spike) warn(spike);
        },
      });
      position = end.position;
      if (end.kind === "failed") throw await savedBefore(resumable(end.error, position), messageOf(end.error));
      if (end.kind === "broken") {
        const tired = position.rollbacks === mostRollbacks;
        const reason = await recordBroken(broken, end.run, position, tired ? "stop" : onNaN);
        if (onNaN !== "rollback" || tired) throw await savedBefore(new TrainingError(reason), reason);
        const back = (await checkpoints.load()) ?? (await start());
        position = await rollBack(broken, end.run, position, back);
        warn(`${reason} Training goes back to step ${position.step} and on from there at a lower rate.`);
        continue;
      }
      const done = end.kind === "done" ? end : undefined;
      const result = done && test && (await unlessInterrupted(evaluateOn(test, classifier, options)));
      if (!done || (test && !result)) {
        await savedBefore(undefined, "interrupted"); // the run goes on from the very next batch
        break;
      }
      const checkpointWait = (checkpoints.waited - waitedBefore) / 1000 / done.record.seconds;
      waitedBefore = checkpoints.waited;
      const record: EpochRecord = { ...done.record, checkpointWait, test: result };
      records.push(record);
      const top1 = result?.top1 ?? 0;
      const isBest = top1 > position.bestTop1 || !test;
      position = nextEpoch(position, top1);
      if (isBest) best = record;
      await checkpoints.save(state, position, async (tensors) => {
        if (isBest) await saveWeights(folder, "best", model, found.classes, tensors, prefix);
        await saveWeights(folder, "last", model, found.classes, tensors, prefix);
        await folder.log({ kind: "epoch", ...record });
      });
      onEvent({ kind: "epoch", record });
    }
    await checkpoints.settle();
    if (position.epoch >= recipe.epochs) {
      const { epoch, step: steps, bestTop1 } = position;
      await folder.log({ kind: "finished", epoch, step: steps, ...(test ? { bestTop1 } : {}) });
    }
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    throw await namingFittingBatch(error, { ...search, least: recipe.accumulate + 1 });
  } finally {
    for (const close of opened) await close().catch(() => undefined);
    await curves?.close().catch((error: unknown) => warn(messageOf(error)));
    await folder.close();
  }
  return {
    model,
    classes: found.classes,
    epochs: records,
    best,
    bestTop1: position.bestTop1 < 0 || !test ? undefined : position.bestTop1,
    folder: folder.path,
    interrupted: position.epoch < recipe.epochs,
  };
}

const placeOf = ({ epoch, step, runs }: Position) => ({ epoch, step, runs });
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Tells all listeners, and writes warnings into the log too. */
function logged(listeners: readonly TrainOptions["onEvent"][], folder: RunFolder): (event: TrainEvent) => void {
  return (event) => {
    for (const listener of listeners) listener?.(event);
    if (event.kind === "warning") void folder.log(event).catch(() => undefined);
  };
}

/** The error of data that could not be had, with the way out. */
function resumable(error: unknown, { step }: Position): unknown {
  const message = `${messageOf(error)} The run is saved at step ${step}: when the data is whole again, go on with --resume.`;
  return error instanceof FileError ? new FileError(error.path, message, { cause: error }) : error;
}

/** Checks that all processes go on from the same place. */
async function sameForAll(group: ProcessGroup, position: Position, { path }: RunFolder): Promise<void> {
  const all = await group.gather("position", JSON.stringify(position));
  const other = all.findIndex((p) => p !== all[0]);
  if (other < 0) return;
  throw new TrainingError(
    `Process ${other} would go on from another saved state than the first one; the run folder "${path}" must lie on storage that all nodes share.`,
  );
}

async function unlessInterrupted<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    if (error instanceof InterruptedError) return undefined;
    throw error;
  });
}

async function evaluateOn(
  dataset: Dataset,
  classifier: Classifier,
  { engine, workers, recipe, signal, group = alone }: TrainOptions,
): Promise<EvaluationResult> {
  // Some devices may get no image of the last batch, but all get as many slots.
  const { devices } = engine.info;
  const batchSize = Math.ceil(Math.min(64, dataset.length) / devices) * devices;
  const loader = createLoader({
    dataset,
    batchSize,
    transform: evaluationTransform(recipe, classifier.model),
    seed: 0,
    workers,
    order: "sequential",
    dropLast: false,
    process: group,
  });
  try {
    // Where several evaluate together, one must not stop without the others.
    return await evaluate({ classifier, loader, signal: group.count === 1 ? signal : undefined, group });
  } finally {
    await loader.close();
  }
}
