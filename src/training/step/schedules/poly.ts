/** A power of the share of epochs that is left (timm's `poly`); the power 1 is a straight line. */
import { z } from "zod";
import { scheduleKind } from "./schedule.js";

/** As in timm's PolyLRScheduler, it counts from epoch 0, not from the end of the warm-up. */
export const poly = scheduleKind({
  settings: {
    polyPower: z.number().positive().default(1).meta({
      description:
        "Schedule `poly`: power of the share of epochs that is left; 1 lets the rate fall in a straight line.",
    }),
  },
  reachesMinLr: true,
  rate: ({ lr, minLr, epochs, polyPower }, epoch) =>
    epoch >= epochs ? minLr : minLr + (lr - minLr) * (1 - epoch / epochs) ** polyPower,
});
