/** How many runs of a sweep are trained at once: small programs gain little from more threads, and runs share nothing. */
import type { Engine } from "../../engines/engine.js";
import { Closing } from "../../system/closing.js";
import { openTrial, type Trial, type TrialOptions } from "./trial.js";

/** Speed of a number of runs at once. */
export interface LaneSpeed {
  /** Number of runs at once. */
  readonly lanes: number;
  /** Of all of them together. */
  readonly imagesPerSecond: number;
}

/** What more lanes must gain, as a ratio: less is lost where runs end unevenly, and in the noise of short measurements. */
const worthwhile = 1.1;
/** Seconds of training below which nothing is measured further, as measuring takes some seconds. */
const longEnough = 30;

/** A measurement: the speed of all lanes together, and how many images a whole run sees. */
export interface LaneTrial extends Omit<LaneSpeed, "lanes"> {
  readonly imagesOfRun: number;
}

export interface LaneSearch {
  /** The most lanes that there are threads for. */
  readonly most: number;
  /** Runs that are left. */
  readonly runs: number;
  /** Measures so many lanes; undefined if they cannot run. */
  readonly measure: (lanes: number) => Promise<LaneTrial | undefined>;
}

/**
 * Speeds of 1, 2, 4 and so on up to `most` lanes, or as many as there are runs, until more gain nothing or the work is
 * short; `fastest` chooses among them.
 */
export async function laneSpeeds({ most, runs, measure }: LaneSearch): Promise<readonly LaneSpeed[]> {
  const limit = Math.min(most, runs);
  const measured: LaneSpeed[] = [];
  for (let lanes = 1; limit > 1; lanes = Math.min(2 * lanes, limit)) {
    const trial = await measure(lanes);
    if (!trial) break;
    const { imagesPerSecond, imagesOfRun } = trial;
    measured.push({ lanes, imagesPerSecond });
    const isWorse = fastest(measured) !== lanes;
    if (isWorse || lanes === limit || (runs * imagesOfRun) / imagesPerSecond < longEnough) break;
  }
  return measured;
}

/** The number of lanes that is worth it, of speeds in the order of their lanes (1 for none). */
export function fastest(speeds: readonly LaneSpeed[]): number {
  const better = (a: LaneSpeed, b: LaneSpeed) => (b.imagesPerSecond > worthwhile * a.imagesPerSecond ? b : a);
  return speeds.length === 0 ? 1 : speeds.reduce(better).lanes;
}

export interface LaneTrialOptions extends Omit<TrialOptions, "engine"> {
  /** Opens an engine with its share of the threads, where so many lanes run. */
  readonly openEngine: (lanes: number) => Promise<Engine>;
}

/** Steps of each lane before the measurement, the fewest in it, and its milliseconds. */
const [warmUp, fewest, span] = [2, 2, 1500];

/**
 * Runs some steps of one recipe in so many lanes at once, each on an engine of its own; undefined if they do not fit into
 * memory together. Nothing is written.
 */
export async function tryLanes(lanes: number, options: LaneTrialOptions): Promise<LaneTrial | undefined> {
  const closing = new Closing();
  try {
    const trials: Trial[] = [];
    for (let i = 0; i < lanes; i++) {
      const engine = await options.openEngine(lanes);
      closing.add(() => engine.close());
      const trial = await openTrial({ ...options, engine });
      closing.add(() => trial.close());
      trials.push(trial);
      const need = i === 0 && lanes > 1 ? await engine.memoryNeed(trial.step.program) : undefined;
      if (need && lanes * need.needed > need.limit) return undefined;
    }
    // At learning rate 0 the speed is the same, and nothing can diverge.
    const runs = trials.map((trial) => trial.steps(() => 0));
    for (let step = 0; step < warmUp; step++) await Promise.all(runs.map((steps) => steps.next()));
    const begun = performance.now();
    const speeds = await Promise.all(
      runs.map(async (steps, i) => {
        let count = 0;
        for (; count < fewest || performance.now() - begun < span; count++) await steps.next();
        return (1000 * count * trials[i].recipe.batchSize) / (performance.now() - begun);
      }),
    );
    const { stepsPerEpoch, recipe } = trials[0];
    return {
      imagesPerSecond: speeds.reduce((sum, speed) => sum + speed),
      imagesOfRun: recipe.epochs * stepsPerEpoch * recipe.batchSize,
    };
  } finally {
    await closing.close();
  }
}
