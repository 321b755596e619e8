/** How far a run has come: with the device state, everything needed to resume. */
import { z } from "zod";
import { plateauBeginning, plateauSchema } from "./plateau-state.js";

const count = z.number().int().min(0);

const positionSchema = z.object({
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
  /** Top-1 of the best epoch in percent, or mAP of several labels; -1 before the first evaluation. */
  bestTop1: z.number(),
  /** What it is the best by (`scoreOf`); null before the first evaluation. Runs before `evalMetric` are by `bestTop1`. */
  bestScore: z.number().nullable().optional(),
  /** Evaluations since the best one. */
  sinceBest: count.default(0),
  /** The epochs whose weights are kept besides the best ones (`keepBest`), the best first. */
  kept: z
    .array(
      z
        .object({ epoch: count, score: z.number().optional(), top1: z.number().optional() })
        .transform(({ epoch, score, top1 = 0 }) => ({ epoch, score: score ?? top1 })),
    )
    .readonly()
    .default([]),
  /** What the schedule `plateau` remembers of evaluations. */
  plateau: plateauSchema.default(plateauBeginning),
  /** Returns to an earlier state in the current epoch; each has halved the rate for the rest of the epoch. */
  rollbacks: count.default(0),
  /** Optimizer steps of the current epoch, counted from its first, whose batches are skipped after a return. */
  passOver: z.array(count).max(64).default([]),
});

type Read = Readonly<z.infer<typeof positionSchema>>;
export type Position = Omit<Read, "bestScore"> & { readonly bestScore: number | null };

/** A position that was saved, by this version or an earlier one. Throws if it is none. */
export function readPosition(saved: unknown): Position {
  const { bestScore, ...rest } = positionSchema.parse(saved);
  return { ...rest, bestScore: bestScore !== undefined ? bestScore : rest.bestTop1 < 0 ? null : rest.bestTop1 };
}

export const beginning: Position = {
  epoch: 0,
  step: 0,
  runs: 0,
  skipped: 0,
  lossSum: 0,
  correctSum: 0,
  partSums: {},
  bestTop1: -1,
  bestScore: null,
  sinceBest: 0,
  kept: [],
  plateau: plateauBeginning,
  rollbacks: 0,
  passOver: [],
};

/** The position at the beginning of the next epoch. */
export function nextEpoch({ epoch, step, bestTop1, bestScore, sinceBest, kept, plateau }: Position): Position {
  return { ...beginning, epoch: epoch + 1, step, bestTop1, bestScore, sinceBest, kept, plateau };
}
