/** One epoch of training: batches in, one run of the step program each, numbers out. */

import type { StopVote } from "../../cluster/stop-vote.js";
import type { Batch, Loader } from "../../data/loading/loader.js";
import type { DeviceState } from "../../engines/engine.js";
import { InterruptedError } from "../../errors/errors.js";
import type { Model } from "../../models/model.js";
import { patiently } from "../../system/patience.js";
import type { HostTensor, NamedTensors } from "../../tensor/index.js";
import { stepData } from "../feed/step-data.js";
import type { SeenBatch, StoredViews } from "../frozen/stored-views.js";
import { classWeightsCount } from "../recipe/class-weighting.js";
import { emaDecayAt, optimizerOf, type Recipe, scheduleOf } from "../recipe/recipe.js";
import type { EpochRecord, LossParts, TrainEvent } from "../run-folder/events.js";
import type { Position } from "../run-folder/position.js";
import { createOptimizer } from "../step/optimizers/index.js";
import { scheduledRate } from "../step/schedules/index.js";
import { brokenTeacher, lossParts, stepInputs } from "../step/step.js";
import { type BrokenPlace, brokenPlace } from "../step/teachers.js";
import type { TaughtBatches } from "../teacher/answers.js";
import { featureWeights } from "./recipe-step.js";
import type { StepPrograms } from "./step-programs.js";

export interface EpochWork {
  readonly recipe: Recipe;
  readonly model: Model;
  readonly loader: Loader;
  readonly programs: StepPrograms;
  readonly state: DeviceState;
  /** Where to start; within the epoch if it was interrupted there. */
  readonly position: Position;
  readonly stepsPerEpoch: number;
  /** Stored features of the frozen part, which the program reads instead of images. */
  readonly stored?: StoredViews;
  /** Outputs of teachers outside the program: computed or read during the previous run. */
  readonly taught?: TaughtBatches;
  /** Whether a run whose loss is not finite is skipped; otherwise the epoch ends there. */
  readonly passOverBroken: boolean;
  /** Called between runs, with all runs before it done; may save the state. */
  readonly onPause: (position: Position) => Promise<void>;
  readonly pauseDue: () => boolean;
  readonly stop: StopVote;
  readonly onEvent: (event: TrainEvent) => void;
}

/** A run of the program as submitted to the engine. */
interface Handed {
  readonly lr: number;
  readonly step: number;
  readonly batch: Batch;
  readonly data: NamedTensors;
}

/** A run whose loss, gradients or teacher outputs are not finite. */
export interface BrokenRun extends Handed {
  readonly what: "loss" | "gradients" | "teacher";
  /** Where the broken outputs of a teacher are. */
  readonly unanswered?: BrokenPlace;
  readonly loss: number;
  readonly gradientNorm: number;
}

/** How an epoch ended, and where: the state on the device is the one of `position`. */
export type EpochEnd = { readonly position: Position } & (
  | { readonly kind: "done"; readonly record: Omit<EpochRecord, "test" | "checkpointWait"> }
  | { readonly kind: "interrupted" }
  /** The data could not be read. */
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "broken"; readonly run: BrokenRun }
);

/** This many consecutive broken runs, or a whole epoch, stop training even if they are skipped. */
const mostBroken = 10;
/** Milliseconds without a batch after which the user is notified, repeatedly. */
const stalled = 60_000;

export async function trainEpoch(work: EpochWork): Promise<EpochEnd> {
  const { recipe, loader, programs, state, position, stepsPerEpoch, stop, onEvent } = work;
  const { accumulate } = recipe;
  const total = stepsPerEpoch * accumulate;
  const optimizer = createOptimizer(optimizerOf(recipe));
  const rate = rateWithin(recipe, position, stepsPerEpoch);
  const start = performance.now();
  const waitedBefore = loader.waited();
  let { step, runs, skipped, lossSum, correctSum } = position;
  const partSums: Record<string, number> = { ...position.partSums };
  let inARow = 0;
  let broken = undefined as BrokenRun | undefined;
  const here = (): Position => ({ ...position, step, runs, skipped, lossSum, correctSum, partSums: { ...partSums } });

  const settle = async (outputs: Promise<Map<string, HostTensor>>, run: Handed) => {
    const results = await outputs;
    if (broken && !work.passOverBroken) return; // the run changed nothing
    const value = (name: string) => (results.get(name)!.data as Float32Array)[0];
    const [loss, gradientNorm] = [value("loss"), value("gradientNorm")];
    const unanswered = results.has(brokenTeacher) ? value(brokenTeacher) : 0;
    if (unanswered > 0) {
      // Neither a lower rate nor a different batch fixes that, so it is never skipped.
      broken ??= { what: "teacher", unanswered: brokenPlace(unanswered, loader.batchSize), loss, gradientNorm, ...run };
      return;
    }
    if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) {
      inARow = 0;
      lossSum += loss;
      correctSum += value("correct");
      for (const name of Object.values(lossParts))
        if (results.has(name)) partSums[name] = (partSums[name] ?? 0) + value(name);
      const loaderWait = (loader.waited() - waitedBefore) / (performance.now() - start);
      onEvent({ kind: "step", step: run.step, loss, lr: run.lr, images: loader.batchSize, loaderWait });
      return;
    }
    const what = Number.isFinite(loss) ? "gradients" : "loss";
    if (work.passOverBroken) skipped++;
    if (!work.passOverBroken || ++inARow >= Math.min(mostBroken, total))
      broken ??= { what, loss, gradientNorm, ...run };
    else onEvent({ kind: "warning", message: `Step ${run.step} gave no finite ${what}; its batch is skipped.` });
  };
  /** Position of the state on which `run` broke; if broken runs are skipped, later ones have changed it. */
  const brokenEnd = (run: BrokenRun): EpochEnd => ({
    kind: "broken",
    run,
    position: work.passOverBroken ? here() : { ...here(), runs: run.batch.step, step: run.step - 1 },
  });

  try {
    const onProgress = (images: number, total: number) => onEvent({ kind: "storing", images, total });
    await work.stored?.prepare(position.epoch, { signal: stop.alone, onProgress });
  } catch (error) {
    if (error instanceof InterruptedError) return { kind: "interrupted", position };
    return { kind: "failed", position, error };
  }

  // One run is in progress while the next batch is submitted.
  let inFlight: Promise<void> | undefined;
  const batches = loader.epoch(position.epoch, runs);
  const nextBatch = async () => {
    const next = await patiently(batches.next(), {
      every: stalled,
      onWaiting: warnOf(onEvent, runs),
      signal: stop.alone,
    });
    if (!next || next.done) return undefined;
    const found = next.value;
    const taught = await work.taught?.answer(position.epoch, found.step, found);
    const seen: Partial<SeenBatch> | undefined = await work.stored?.seen(position.epoch, found);
    return { taught, batch: found, values: undefined, ...seen };
  };
  while (runs < total && !(await stop.due())) {
    let next: Awaited<ReturnType<typeof nextBatch>>;
    try {
      next = await nextBatch();
    } catch (error) {
      await inFlight;
      return broken ? brokenEnd(broken) : { kind: "failed", position: here(), error };
    }
    if (!next) break;
    const { batch, taught, values } = next;
    const apply = (batch.step + 1) % accumulate === 0;
    if (!position.passOver.includes(Math.floor(batch.step / accumulate))) {
      const lr = rate(batch.step);
      const scalars = {
        ...optimizer.scalars(lr, step + 1),
        [stepInputs.apply]: apply ? 1 : 0,
        [stepInputs.passOver]: work.passOverBroken ? 1 : 0,
        [stepInputs.emaDecay]: emaDecayAt(recipe, step + 1),
        [stepInputs.classWeights]: classWeightsCount(recipe, position.epoch) ? 1 : 0,
        ...featureWeights(recipe, position.epoch + Math.floor(batch.step / accumulate) / stepsPerEpoch),
      };
      const place = { recipe, epoch: position.epoch, batch, size: work.stored && work.model.imageSize };
      const executable = await programs.compiled(batch.size);
      const data = stepData(executable.program, place, { scalars, taught, values });
      const run = settle(executable.run(state, data), { lr, step: step + 1, batch, data });
      run.catch(() => undefined); // awaited below, after the next batch is submitted
      await inFlight;
      inFlight = run;
    } else skipped++;
    runs++;
    if (apply) step++;
    if (broken) break;
    if (work.pauseDue()) {
      await inFlight;
      if (!broken) await work.onPause(here());
    }
  }
  await inFlight;
  if (broken) return brokenEnd(broken);
  if (runs < total) return { kind: "interrupted", position: here() };
  const seconds = (performance.now() - start) / 1000;
  const counted = Math.max(1, runs - skipped);
  const record = {
    epoch: position.epoch + 1,
    step,
    lr: rate(runs - 1),
    trainLoss: lossSum / counted,
    ...(lossParts.task in partSums ? { lossParts: meanParts(partSums, counted) } : {}),
    trainTop1: (100 * correctSum) / (counted * loader.batchSize),
    imagesPerSecond: ((runs - position.runs) * loader.batchSize) / seconds,
    loaderWait: (loader.waited() - waitedBefore) / 1000 / seconds,
    seconds,
  };
  return { kind: "done", position: here(), record };
}

/** Means of the parts of the loss over `runs` runs. */
const meanParts = (sums: Readonly<Record<string, number>>, runs: number): LossParts => {
  const { task, ...others } = lossParts;
  const rest = Object.entries(others).filter(([, name]) => name in sums);
  return { task: sums[task] / runs, ...Object.fromEntries(rest.map(([part, name]) => [part, sums[name] / runs])) };
};

/** The learning rate of a run, by its index in the epoch; constant within an optimizer step. */
function rateWithin(
  recipe: Recipe,
  { epoch, rollbacks, plateau }: Position,
  stepsPerEpoch: number,
): (run: number) => number {
  const schedule = { ...scheduleOf(recipe), falls: plateau.falls };
  return (run) =>
    scheduledRate(schedule, epoch + Math.floor(run / recipe.accumulate) / stepsPerEpoch) * rollbackFactor(rollbacks);
}

/** Factor on the rate after this many returns to an earlier state. */
export const rollbackFactor = (rollbacks: number): number => 0.5 ** rollbacks;

function warnOf(onEvent: EpochWork["onEvent"], run: number): (waited: number) => void {
  return (waited) =>
    onEvent({
      kind: "warning",
      message: `No batch has come for ${Math.round(waited / 1000)} s (run ${run + 1} of the epoch): a disk or network share may be hanging, or there are too few workers. Training is waiting.`,
    });
}
