/** One epoch of training: batches in, one run of the step program each, numbers out. */
import type { Batch, Loader } from "../data/loader.js";
import type { DeviceState, Engine, Executable } from "../engines/engine.js";
import { TrainingError } from "../errors.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";
import type { Position } from "./checkpoint.js";
import { diagnose } from "./diagnose.js";
import type { EpochRecord, TrainEvent } from "./events.js";
import { createOptimizer, type OptimizerOptions } from "./optimizer.js";
import type { Recipe } from "./recipe.js";
import type { RunFolder } from "./run-folder.js";
import { scaledLearningRate, scheduledRate } from "./schedule.js";
import { type Step, stepInputs } from "./step.js";
import { stepData } from "./step-data.js";
import type { TeacherAnswers } from "./teacher.js";

export interface EpochWork {
  readonly recipe: Recipe;
  readonly loader: Loader;
  readonly engine: Engine;
  readonly executable: Executable;
  readonly state: DeviceState;
  readonly step: Step;
  readonly optimizerOptions: OptimizerOptions;
  /** Where to begin; within the epoch, when it was interrupted there. */
  readonly position: Position;
  readonly stepsPerEpoch: number;
  readonly folder: RunFolder;
  /** Stored answers of the teacher, when the program wants them. */
  readonly answers?: TeacherAnswers;
  /** What to do about a loss that is not a number: stop, or go on without that batch. */
  readonly onNaN: "stop" | "skip";
  /** Called between runs, with all runs before it done; may save the state. */
  readonly onPause: (position: Position) => Promise<void>;
  readonly pauseDue: () => boolean;
  readonly signal?: AbortSignal;
  readonly onEvent: (event: TrainEvent) => void;
}

export interface EpochEnd {
  /** After the last run; still in this epoch. */
  readonly position: Position;
  /** Missing when the epoch was interrupted. */
  readonly record?: Omit<EpochRecord, "test">;
}

/** This many broken runs in a row, or an epoch of them, stop training even where they are passed over. */
const patience = 10;

export async function trainEpoch(work: EpochWork): Promise<EpochEnd> {
  const { recipe, loader, executable, state, position, stepsPerEpoch, signal, onEvent } = work;
  const { accumulate } = recipe;
  const optimizer = createOptimizer(work.optimizerOptions);
  const schedule = { ...recipe, lr: recipe.scaleLr ? scaledLearningRate(recipe.lr, recipe.batchSize) : recipe.lr };
  const start = performance.now();
  const waitedBefore = loader.waited();
  const sums = { loss: position.lossSum, correct: position.correctSum };
  let { step, runs } = position;
  let skipped = 0;
  let broken = 0;
  let lr = 0;
  const here = (): Position => ({ ...position, step, runs, lossSum: sums.loss, correctSum: sums.correct });

  const settle = async (outputs: Promise<Map<string, HostTensor>>, batch: Batch, data: NamedTensors, at: number) => {
    const results = await outputs;
    const value = (name: string) => (results.get(name)!.data as Float32Array)[0];
    const loss = value("loss");
    if (!Number.isFinite(loss) || !Number.isFinite(value("gradientNorm"))) {
      skipped++;
      if (work.onNaN === "stop" || ++broken >= Math.min(patience, stepsPerEpoch * accumulate))
        await stopOnNaN(work, loss, batch, data, at);
      onEvent({ kind: "warning", message: `Step ${at} gave no finite loss and gradients; its batch is passed over.` });
      return;
    }
    broken = 0;
    sums.loss += loss;
    sums.correct += value("correct");
    onEvent({ kind: "step", step: at, loss, lr, images: loader.batchSize });
  };

  // One run is under way while the next batch is handed over.
  let inFlight: Promise<void> | undefined;
  for await (const batch of loader.epoch(position.epoch, runs)) {
    if (signal?.aborted || batch.step >= stepsPerEpoch * accumulate) break;
    const apply = (batch.step + 1) % accumulate === 0;
    // Within an optimizer step the rate stays the same.
    const done = Math.floor(batch.step / accumulate) / stepsPerEpoch;
    lr = scheduledRate({ ...schedule, epochs: recipe.epochs - recipe.cooldownEpochs }, position.epoch + done);
    const scalars = {
      ...optimizer.scalars(lr, step + 1),
      [stepInputs.apply]: apply ? 1 : 0,
      [stepInputs.emaDecay]: recipe.emaDecay,
    };
    const answer = await work.answers?.answer(position.epoch, batch.step, batch.indices);
    const data = stepData(executable.program, { recipe, epoch: position.epoch, batch }, { scalars, answer });
    const run = settle(executable.run(state, data), batch, data, step + 1);
    run.catch(() => undefined); // awaited below, after the next batch is on its way
    await inFlight;
    inFlight = run;
    runs++;
    if (apply) step++;
    if (work.pauseDue()) {
      await inFlight;
      await work.onPause(here());
    }
  }
  await inFlight;
  if (runs < stepsPerEpoch * accumulate) return { position: here() };
  const seconds = (performance.now() - start) / 1000;
  const images = (runs - position.runs) * loader.batchSize;
  const counted = Math.max(1, runs - skipped);
  return {
    position: here(),
    record: {
      epoch: position.epoch + 1,
      step,
      lr,
      trainLoss: sums.loss / counted,
      trainTop1: (100 * sums.correct) / (counted * loader.batchSize),
      imagesPerSecond: images / seconds,
      loaderWait: (loader.waited() - waitedBefore) / 1000 / seconds,
      seconds,
    },
  };
}

async function stopOnNaN(
  { folder, position, recipe, engine, step, state }: EpochWork,
  loss: number,
  batch: Batch,
  data: NamedTensors,
  at: number,
): Promise<never> {
  const what = Number.isFinite(loss) ? "gradients" : "loss";
  const culprit = await diagnose(engine, step, state, data).catch((error: unknown) => String(error));
  await folder.log({
    kind: "stopped",
    reason: `the ${what} became infinite or NaN`,
    firstBroken: culprit,
    epoch: position.epoch + 1,
    step: at,
    run: batch.step,
    samples: [...batch.indices],
  });
  throw new TrainingError(
    `The ${what} became infinite or NaN at step ${at} (epoch ${position.epoch + 1}; first: ${culprit}); the weights were not touched. Lower --lr (now ${recipe.lr}) or set --clip-gradient 1; the samples are in "${folder.file("log.jsonl")}".`,
  );
}
