/** Learning-rate schedules. */

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

export interface ScheduleSettings extends CosineSchedule {
  readonly schedule: "cosine" | "step" | "constant";
  /** `epoch`: the rate stays the same within an epoch, as timm's schedulers leave it. */
  readonly scheduleBy: "step" | "epoch";
  readonly decayEpochs: number;
  readonly decayRate: number;
}

/** The rate at `epoch` (with the fraction that is done) for any schedule; all begin with the same warm-up. */
export function scheduledRate(settings: ScheduleSettings, epoch: number): number {
  const at = settings.scheduleBy === "epoch" ? Math.floor(epoch) : epoch;
  if (settings.schedule === "cosine" || at < settings.warmupEpochs) return learningRate(settings, at);
  if (settings.schedule === "constant") return settings.lr;
  return settings.lr * settings.decayRate ** Math.floor(at / settings.decayEpochs);
}
