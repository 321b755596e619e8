/** The learning-rate schedules by their names in recipes: one file and one line each. */
import type { z } from "zod";
import { RandomStream } from "../../../random/stream.js";
import type { Settings } from "../settings.js";
import { constant } from "./constant.js";
import { cosine } from "./cosine.js";
import { multistep } from "./multistep.js";
import { plateau } from "./plateau.js";
import { poly } from "./poly.js";
import type { Rates, ScheduleKind } from "./schedule.js";
import { step } from "./step.js";
import { warmupStableDecay } from "./warmup-stable-decay.js";

export const schedules = { cosine, step, constant, warmupStableDecay, poly, multistep, plateau };

type Kinds = typeof schedules;
type SettingsOf<K> = K extends ScheduleKind<infer Shape> ? Settings<Shape> : never;
type All<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;

/** Rates times 1 + noise: normal, redrawn every epoch, within the limit (timm's `lr-noise`). */
export interface LearningRateNoise {
  /** First and last epoch. */
  readonly from: number;
  readonly to: number;
  readonly std: number;
  readonly limit: number;
  readonly seed: number;
}

/** A schedule by name, with the settings of all schedules: it reads its own. */
export type ScheduleSettings = Rates &
  All<SettingsOf<Kinds[keyof Kinds]>> & {
    readonly schedule: keyof Kinds;
    /** `epoch`: the rate is constant within an epoch, as in timm's schedulers. */
    readonly scheduleBy: "step" | "epoch";
    /** The schedule begins after the warm-up and has the epochs that are left, instead of being cut off by it. */
    readonly warmupPrefix?: boolean;
    /** Noise on the rates during a part of training. */
    readonly noise?: LearningRateNoise;
  };

/** The paper's rule: the rate is given for a batch of 512 images and grows with the global batch (table 9). */
export function scaledLearningRate(lr: number, globalBatch: number): number {
  return (lr * globalBatch) / 512;
}

/** The rate at the fractional `epoch`; every schedule begins with the same linear warm-up. */
export function scheduledRate(settings: ScheduleSettings, epoch: number): number {
  const { noise } = settings;
  const at = settings.scheduleBy === "epoch" ? Math.floor(epoch) : epoch;
  const kind: ScheduleKind<z.ZodRawShape> = schedules[settings.schedule];
  const before = settings.warmupPrefix ? settings.warmupEpochs : 0;
  const rest = { ...settings, epochs: settings.epochs - before };
  const rate = warmedUp(settings, at, () => kind.rate(rest, at - before));
  return (noise ? noiseFactor(noise, epoch) : 1) * rate;
}

/** The rate of the linear warm-up until it is over, and then that of `after`. */
export const warmedUp = ({ warmupEpochs, warmupLr, lr }: Rates, at: number, after: () => number): number =>
  at < warmupEpochs ? warmupLr + (at * (lr - warmupLr)) / warmupEpochs : after();

function noiseFactor({ from, to, std, limit, seed }: LearningRateNoise, epoch: number): number {
  const whole = Math.floor(epoch);
  if (whole < from || whole >= to) return 1;
  const stream = new RandomStream({ seed, epoch: whole, sample: 0, purpose: "rate noise" });
  for (let attempt = 0; attempt < 1000; attempt++) {
    const noise = std * stream.normal();
    if (Math.abs(noise) < limit) return 1 + noise;
  }
  return 1; // a limit of zero
}
