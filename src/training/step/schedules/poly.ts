/** A power of the share of epochs that is left (timm's `poly`); the power 1 is a straight line. */
import { z } from "zod";
import { cycleAt, cycleSettings } from "./cycles.js";
import { scheduleKind } from "./schedule.js";

/** As in timm's PolyLRScheduler, it counts from epoch 0, not from the end of the warm-up. */
export const poly = scheduleKind({
  settings: {
    polyPower: z.number().positive().default(1).meta({
      description:
        "Schedule `poly`: power of the share of epochs that is left; 1 lets the rate fall in a straight line.",
    }),
    ...cycleSettings,
  },
  reachesMinLr: true,
  rate: (settings, epoch) => {
    const { minLr, polyPower } = settings;
    const cycle = cycleAt(settings, epoch);
    return cycle ? minLr + (cycle.highest - minLr) * (1 - cycle.progress) ** polyPower : minLr;
  },
});
