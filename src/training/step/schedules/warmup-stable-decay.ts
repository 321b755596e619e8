/**
 * Warm-up, stable, decay: a constant rate that decreases at the end (Hu et al., arXiv 2404.06395; Hägele et al.,
 * 2405.18392).
 */
import { z } from "zod";
import { scheduleKind } from "./schedule.js";

/**
 * The rate is constant until the last share of the epochs, where it decreases to `minLr`. Until then a run can be
 * extended at will, since nothing before depends on where it ends.
 */
export const warmupStableDecay = scheduleKind({
  settings: {
    decayShare: z.number().gt(0).max(1).default(0.2).meta({
      description:
        "Schedule `warmupStableDecay`: share of the epochs, at their end, in which the rate falls to `minLr`.",
    }),
    decayForm: z.enum(["linear", "root"]).default("root").meta({
      description:
        "Schedule `warmupStableDecay`: form of that fall, `linear`, or `root` (by 1 − √ of its progress: steep first).",
    }),
  },
  reachesMinLr: true,
  rate: ({ lr, minLr, epochs, decayShare, decayForm }, epoch) => {
    const progress = Math.min(1, Math.max(0, (epoch / epochs - (1 - decayShare)) / decayShare));
    return minLr + (lr - minLr) * (1 - (decayForm === "root" ? Math.sqrt(progress) : progress));
  },
});
