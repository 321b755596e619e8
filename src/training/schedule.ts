/** Learning-rate schedules. */

export interface CosineSchedule {
  /** Rate after warm-up. */
  readonly lr: number;
  /** Epochs of the cosine; after them the rate stays at `minLr` (the released program trains 10 more, "cooldown"). */
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
