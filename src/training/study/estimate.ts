/** Estimates the cost of a run from a few of its steps: time, memory, energy and money, with the assumptions. */
import { availableParallelism } from "node:os";
import type { Engine, Precision } from "../../engines/engine.js";
import { type Message, sentence, setting } from "../../errors/sentence.js";
import { type PowerReading, startPowerMeter } from "../../system/power.js";
import { sizeOf } from "../../tensor/index.js";
import type { StoredViewsSize } from "../frozen/stored-views.js";
import type { Trial } from "./trial.js";

export interface Prices {
  /** Price of the machine per hour, in any currency. */
  readonly perHour?: number;
  readonly perKilowattHour?: number;
}

export interface EstimateOptions {
  readonly engine: Engine;
  readonly precision?: Precision;
  /** Power consumption of the machine (default: measured or assumed). */
  readonly watts?: number;
  readonly prices?: Prices;
  /** Seconds to measure for, after the first steps. */
  readonly seconds?: number;
  /** Called after each step, including warm-up steps. */
  readonly onStep?: (steps: number) => void;
}

export interface Estimate {
  readonly model: string;
  readonly parameters: number;
  readonly images: number;
  readonly testImages: number;
  readonly epochs: number;
  readonly steps: number;
  readonly measuredSteps: number;
  readonly secondsPerStep: number;
  readonly imagesPerSecond: number;
  /** Share of the time spent waiting for data. */
  readonly loaderWait: number;
  /** Seconds of all epochs, tests included. */
  readonly trainingSeconds: number;
  readonly testSeconds: number;
  /** Features of a frozen part that are stored, and the seconds of computing them, which are part of all. */
  readonly storing?: StoredViewsSize & { readonly seconds: number };
  readonly memory: MemoryEstimate;
  readonly diskBytes: number;
  readonly power: Power;
  readonly kilowattHours: number;
  readonly cost?: number;
  /** Sentences on the assumptions. */
  readonly assumptions: readonly Message[];
}

/** Watts during training, and the source. */
export interface Power extends Omit<PowerReading, "source"> {
  readonly source: Message;
}

export interface MemoryEstimate {
  /** Memory used by training: on each device, or on this machine if the device is its processor. */
  readonly bytes: number;
  readonly source: string;
  /** Peak memory of this process in the measured steps, including libraries and data. */
  readonly processBytes: number;
}

/** Steps that are not measured: the first ones fill caches and the loader's buffer. */
const warmUp = 2;
const leastSteps = 3;
const mostSteps = 50;
/** Steps of every estimate; more follow if they are fast. */
export const leastMeasured = warmUp + leastSteps;
/** Test images cost one forward pass; a training step counts as three. */
const forwardShare = 1 / 3;

/** Runs a few steps of the trial and estimates the cost of the whole run. */
export async function estimateRun(trial: Trial, options: EstimateOptions): Promise<Estimate> {
  const { engine, seconds = 5 } = options;
  const { recipe } = trial;
  const accelerator = engine.info.platform !== "cpu";
  let [measured, start, waited, stored, compiled] = [0, 0, 0, 0, 0];
  let meter = await startPowerMeter(accelerator);
  let steps = 0;
  // Learning rate 0: same speed, and the weights cannot diverge.
  for await (const _ of trial.steps(() => 0)) {
    steps++;
    if (steps === warmUp) {
      [start, waited, stored] = [performance.now(), trial.waited(), trial.storing?.() ?? 0];
      compiled = trial.compiling();
      meter = await startPowerMeter(accelerator);
    }
    measured = Math.max(0, steps - warmUp);
    options.onStep?.(steps);
    const gone = (performance.now() - start) / 1000;
    if (measured >= mostSteps || (measured >= leastSteps && gone >= seconds)) break;
  }
  const elapsed = (performance.now() - start - (trial.compiling() - compiled)) / 1000;
  const reading = await meter.read();
  const computing = trial.storing ? (trial.storing() - stored) / 1000 : 0;
  const fetching = (trial.waited() - waited) / 1000;
  // With stored features images are read, and seen by the frozen part, once for each stored view.
  const secondsPerStep = (trial.stored ? Math.max(0, elapsed - computing - fetching) : elapsed) / measured;
  const storing = trial.stored && {
    ...trial.stored,
    seconds: ((computing + fetching) / measured / recipe.batchSize) * trial.stored.images * trial.stored.views,
  };
  const imagesPerSecond = recipe.batchSize / secondsPerStep;
  const total = trial.stepsPerEpoch * recipe.epochs;
  // A test image passes the whole model, which with stored features is not what a step takes.
  const perTestImage = storing
    ? storing.seconds / (storing.images * storing.views) + (forwardShare * secondsPerStep) / recipe.batchSize
    : forwardShare / imagesPerSecond;
  const testSeconds = recipe.epochs * trial.testImages * perTestImage;
  const trainingSeconds = total * secondsPerStep + testSeconds + (storing?.seconds ?? 0);
  const power = powerOf(options, reading);
  const kilowattHours = (power.watts * trainingSeconds) / 3.6e6;
  const bytes = [...trial.step.state.values()].reduce((sum, shape) => sum + 4 * sizeOf(shape), 0);
  return {
    model: trial.model.name,
    parameters: trial.model.parameters.reduce((n, p) => n + sizeOf(p.shape), 0),
    ...{ images: trial.images, testImages: trial.testImages, epochs: recipe.epochs, steps: total },
    ...{ measuredSteps: measured, secondsPerStep, imagesPerSecond, trainingSeconds, testSeconds },
    loaderWait: (trial.waited() - waited) / 1000 / elapsed,
    memory: await memoryOf(trial, options),
    diskBytes: 3 * bytes + (storing?.bytes ?? 0),
    storing,
    ...{ power, kilowattHours, cost: costOf(trainingSeconds, kilowattHours, options.prices) },
    assumptions: [
      `Speed stays as measured over ${measured} steps after the first ${warmUp}.`,
      ...(trial.testImages > 0 ? [testAssumption(storing !== undefined)] : []),
      ...(recipe.cropMode === "native" ? ["Compiling a program for each shape of the images is not counted."] : []),
      ...(recipe.sizeSchedule
        ? ["Smaller images of the first epochs (sizeSchedule) cost as much as the last ones'."]
        : []),
      ...(storing ? ["No features are stored yet."] : []),
      sentence`Power: ${power.source}.`,
    ],
  };
}

const testAssumption = (stored: boolean): string =>
  stored
    ? "A test image takes what storing a view does, and a third of a step's share."
    : "A test image takes a third of a training image's time.";

/** The memory that the engine reports for the program, or this process's peak if it does not. */
async function memoryOf(trial: Trial, { engine, precision }: EstimateOptions): Promise<MemoryEstimate> {
  const processBytes = process.resourceUsage().maxRSS * 1024;
  const { engine: name, platform } = engine.info;
  const need = await engine.memoryNeed(trial.step.program, { precision });
  if (!need?.counted)
    return { bytes: processBytes, processBytes, source: "this process at its fullest in the measured steps" };
  const where = platform === "cpu" ? "the program's share of this machine" : "on each device";
  return { bytes: need.needed, processBytes, source: `the ${name} engine's own count, ${where}` };
}

/** Assumed if not measured: watts of a busy processor thread, of an accelerator, and of the rest of a machine. */
const assumed = { thread: 10, device: 350, rest: 30 } as const;

function powerOf({ watts, engine: { info } }: EstimateOptions, reading: PowerReading | undefined): Power {
  if (watts !== undefined) return { watts, source: sentence`as told by ${setting("watts")}` };
  if (reading) return reading;
  if (info.platform !== "cpu")
    return {
      watts: info.devices * assumed.device + assumed.rest,
      source: sentence`not measured; assumed ${assumed.device} W per device and ${assumed.rest} W for the rest (override with ${setting("watts")})`,
    };
  const threads = info.threads ?? availableParallelism();
  return {
    watts: threads * assumed.thread + assumed.rest,
    source: sentence`not measured; assumed ${assumed.thread} W for each of ${threads} threads and ${assumed.rest} W for the rest (override with ${setting("watts")})`,
  };
}

function costOf(seconds: number, kilowattHours: number, { perHour, perKilowattHour }: Prices = {}): number | undefined {
  if (perHour === undefined && perKilowattHour === undefined) return undefined;
  return (perHour ?? 0) * (seconds / 3600) + (perKilowattHour ?? 0) * kilowattHours;
}
