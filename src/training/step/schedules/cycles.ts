/** Cycles of a schedule, each of which begins anew at the top, and k-decay: what timm's `cosine` and `poly` share. */
import { z } from "zod";
import type { Settings } from "../settings.js";
import type { Rates } from "./schedule.js";

export const cycleSettings = {
  lrCycleLimit: z.number().int().min(1).max(1000).default(1).meta({
    description:
      "Schedules `cosine` and `poly`: number of cycles, each of which begins at the top again; together they take all epochs.",
    timm: "lr-cycle-limit (there epochs is the length of the first cycle)",
  }),
  lrCycleMul: z.number().positive().default(1).meta({
    description: "Schedules `cosine` and `poly`: length of each cycle over that of the one before.",
    timm: "lr-cycle-mul",
  }),
  lrCycleDecay: z.number().positive().max(1).default(0.5).meta({
    description: "Schedules `cosine` and `poly`: highest rate of each cycle over that of the one before.",
    timm: "lr-cycle-decay",
  }),
  lrKDecay: z.number().positive().default(1).meta({
    description:
      "Schedules `cosine` and `poly`: power k of the progress (k-decay, arXiv 2004.05909); above 1 the rate stays high for longer.",
    timm: "lr-k-decay",
  }),
};

/** A single one, without decay. */
export const oneCycle: Settings<typeof cycleSettings> = {
  lrCycleLimit: 1,
  lrCycleMul: 1,
  lrCycleDecay: 1,
  lrKDecay: 1,
};

/** The highest rate of the cycle at `epoch`, and its progress from 0 to 1, to the power of k; undefined after the last. */
export function cycleAt(
  { lr, epochs, lrCycleLimit, lrCycleMul: mul, lrCycleDecay, lrKDecay }: Rates & Settings<typeof cycleSettings>,
  epoch: number,
): { readonly highest: number; readonly progress: number } | undefined {
  if (epoch >= epochs) return undefined;
  const lengths = Array.from({ length: lrCycleLimit }, (_, i) => mul ** i);
  const first = epochs / lengths.reduce((sum, length) => sum + length, 0);
  let begin = 0;
  for (const [i, length] of lengths.entries()) {
    const end = begin + first * length;
    if (epoch < end || i === lrCycleLimit - 1)
      return { highest: lr * lrCycleDecay ** i, progress: ((epoch - begin) / (end - begin)) ** lrKDecay };
    begin = end;
  }
  return undefined;
}
