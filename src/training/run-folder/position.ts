/** How far a run has come: with the device state, everything needed to resume. */
import { z } from "zod";

const count = z.number().int().min(0);

export const positionSchema = z.object({
  /** Epochs that are done. */
  epoch: count,
  /** Optimizer steps that are done. */
  step: count,
  /** Runs of the program that are done in the current epoch, those that were skipped, and their sums. */
  runs: count,
  skipped: count.default(0),
  lossSum: z.number(),
  correctSum: z.number(),
  /** Sums of the parts of the loss, by the names of the step's outputs. */
  partSums: z.record(z.string(), z.number()).readonly().default({}),
  /** Percent; -1 before the first evaluation. */
  bestTop1: z.number(),
  /** Evaluations since the best one. */
  sinceBest: count.default(0),
  /** The epochs whose weights are kept besides the best ones (`keepBest`), the best first. */
  kept: z
    .array(z.object({ epoch: count, top1: z.number() }))
    .readonly()
    .default([]),
  /** Returns to an earlier state in the current epoch; each has halved the rate for the rest of the epoch. */
  rollbacks: count.default(0),
  /** Optimizer steps of the current epoch, counted from its first, whose batches are skipped after a return. */
  passOver: z.array(count).max(64).default([]),
});

export type Position = Readonly<z.infer<typeof positionSchema>>;

export const beginning: Position = {
  epoch: 0,
  step: 0,
  runs: 0,
  skipped: 0,
  lossSum: 0,
  correctSum: 0,
  partSums: {},
  bestTop1: -1,
  sinceBest: 0,
  kept: [],
  rollbacks: 0,
  passOver: [],
};

/** The position at the beginning of the next epoch. */
export function nextEpoch({ epoch, step, bestTop1, sinceBest, kept }: Position): Position {
  return { ...beginning, epoch: epoch + 1, step, bestTop1, sinceBest, kept };
}
