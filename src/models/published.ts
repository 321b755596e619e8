/** Figures from the paper and the released code, for comparison with measurements. */

export interface PublishedFigures {
  /** ImageNet accuracy of the released weights, in percent; for a RegNetY, of the paper's training (table 2). */
  readonly top1: number;
  readonly top5?: number;
  /** Images per second on one V100, largest batch, average of 30 runs (table 1). */
  readonly v100?: number;
}

export const published: Readonly<Record<string, PublishedFigures>> = {
  deit_tiny_patch16_224: { top1: 72.2, top5: 91.1, v100: 2536 },
  deit_small_patch16_224: { top1: 79.9, top5: 95.0, v100: 940 },
  deit_base_patch16_224: { top1: 81.8, top5: 95.6, v100: 292 },
  deit_base_patch16_384: { top1: 82.9, top5: 96.2, v100: 86 },
  deit_tiny_distilled_patch16_224: { top1: 74.5, top5: 91.9 },
  deit_small_distilled_patch16_224: { top1: 81.2, top5: 95.4 },
  deit_base_distilled_patch16_224: { top1: 83.4, top5: 96.5 },
  deit_base_distilled_patch16_384: { top1: 85.2, top5: 97.2 },
  regnety_040: { top1: 80.0 },
  regnety_080: { top1: 81.7 },
  regnety_120: { top1: 82.4 },
  regnety_160: { top1: 82.9 },
};
