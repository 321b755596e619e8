/** One epoch of training: batches in, one run of the step program each, numbers out. */
import type { Loader } from "../data/loader.js";
import type { DeviceState, Executable } from "../engines/engine.js";
import { TrainingError } from "../errors.js";
import { RandomStream } from "../random/stream.js";
import { type HostTensor, hostTensor, type NamedTensors } from "../tensor/index.js";
import type { Position } from "./checkpoint.js";
import type { EpochRecord, TrainEvent } from "./events.js";
import { createOptimizer, type OptimizerOptions } from "./optimizer.js";
import type { Recipe } from "./recipe.js";
import type { RunFolder } from "./run-folder.js";
import { learningRate, scaledLearningRate } from "./schedule.js";
import { type Step, stepInputs } from "./step.js";
import { dropoutSeedInput, dropPathInput } from "./training-context.js";

export interface EpochWork {
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
export async function trainEpoch(work: EpochWork): Promise<EpochRecord | undefined> {
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
