/** Learning-rate schedules. */
import { RandomStream } from "../../random/stream.js";

export interface CosineSchedule {
  /** Rate after warm-up. */
  readonly lr: number;
  /** Epochs of the cosine; after them the rate stays at `minLr`. */
  readonly epochs: number;
  readonly warmupEpochs: number;
  readonly warmupLr: number;
  readonly minLr: number;
}

/**
 * The rate at `epoch` (fractions allowed): linear from `warmupLr` during warm-up, then half a cosine from `lr` to
 * `minLr`. As timm's CosineLRScheduler, the cosine counts from epoch 0, not from the end of the warm-up.
 */
export function learningRate({ lr, epochs, warmupEpochs, warmupLr, minLr }: CosineSchedule, epoch: number): number {
  if (epoch < warmupEpochs) return warmupLr + (epoch * (lr - warmupLr)) / warmupEpochs;
  if (epoch >= epochs) return minLr;
  return minLr + 0.5 * (lr - minLr) * (1 + Math.cos((Math.PI * epoch) / epochs));
}

/** The paper's rule: the rate is given for a batch of 512 images and grows with the global batch (table 9). */
export function scaledLearningRate(lr: number, globalBatch: number): number {
  return (lr * globalBatch) / 512;
}

/** Rates times 1 + noise: normal, drawn anew every epoch, within the limit (timm's `lr-noise`). */
export interface LearningRateNoise {
  /** Epochs from and to which. */
  readonly from: number;
  readonly to: number;
  readonly std: number;
  readonly limit: number;
  readonly seed: number;
}

function noiseFactor({ from, to, std, limit, seed }: LearningRateNoise, epoch: number): number {
  const whole = Math.floor(epoch);
  if (whole < from || whole >= to) return 1;
  const stream = new RandomStream({ seed, epoch: whole, sample: 0, purpose: "rate noise" });
  for (let attempt = 0; attempt < 1000; attempt++) {
    const noise = std * stream.normal();
    if (Math.abs(noise) < limit) return 1 + noise;
  }
  return 1; // a limit of nothing
}

export interface ScheduleSettings extends CosineSchedule {
  readonly schedule: "cosine" | "step" | "constant";
  /** `epoch`: the rate stays the same within an epoch, as timm's schedulers leave it. */
  readonly scheduleBy: "step" | "epoch";
  readonly decayEpochs: number;
  /** Noise on the rates of a part of training. */
  readonly noise?: LearningRateNoise;
  readonly decayRate: number;
}

/** The rate at `epoch` (with the fraction that is done) for any schedule; all begin with the same warm-up. */
export function scheduledRate(settings: ScheduleSettings, epoch: number): number {
  const factor = settings.noise ? noiseFactor(settings.noise, epoch) : 1;
  return factor * plainRate(settings, epoch);
}

function plainRate(settings: ScheduleSettings, epoch: number): number {
  const at = settings.scheduleBy === "epoch" ? Math.floor(epoch) : epoch;
  if (settings.schedule === "cosine" || at < settings.warmupEpochs) return learningRate(settings, at);
  if (settings.schedule === "constant") return settings.lr;
  return settings.lr * settings.decayRate ** Math.floor(at / settings.decayEpochs);
}
