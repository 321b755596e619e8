/** What the schedule `plateau` remembers of a run's evaluations: part of the saved position. */
import { z } from "zod";

const count = z.number().int().min(0);

export const plateauSchema = z
  .object({
    /** The best measure so far; null before the first one. */
    best: z.number().nullable(),
    /** Evaluations in a row that were not better. */
    bad: count,
    /** Times that the rate has fallen. */
    falls: count,
  })
  .readonly();

export type PlateauState = z.infer<typeof plateauSchema>;

export const plateauBeginning: PlateauState = { best: null, bad: 0, falls: 0 };

/** Relative difference from which a measure counts as better (PyTorch's default `threshold`). */
const threshold = 1e-4;

/** The state after an evaluation, as PyTorch's ReduceLROnPlateau has it. */
export function afterEvaluation(
  { best, bad, falls }: PlateauState,
  value: number,
  { lower, patience }: { readonly lower: boolean; readonly patience: number },
): PlateauState {
  const better = best === null || (lower ? value < best * (1 - threshold) : value > best * (1 + threshold));
  if (better) return { best: value, bad: 0, falls };
  return bad + 1 > patience ? { best, bad: 0, falls: falls + 1 } : { best, bad: bad + 1, falls };
}
