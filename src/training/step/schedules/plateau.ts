/** A rate that falls by a factor whenever evaluations bring nothing better for some time. */
import { z } from "zod";
import { scheduleKind } from "./schedule.js";
import { decayRate } from "./step.js";

/** As timm's PlateauLRScheduler, with PyTorch's ReduceLROnPlateau in it; a run continues with what it remembered. */
export const plateau = scheduleKind({
  settings: {
    decayRate,
    patienceEpochs: z.number().int().min(0).default(10).meta({
      description:
        "Schedule `plateau`: evaluations after the warm-up whose `evalMetric` may fail to improve, by a factor of 1.0001 at least, in a row; at the next one the rate falls by the factor `decayRate`, to `minLr` at the lowest.",
      timm: "patience-epochs",
    }),
  },
  reachesMinLr: true,
  rate: ({ lr, minLr, epochs, decayRate, falls = 0 }, epoch) =>
    epoch >= epochs ? minLr : Math.max(minLr, lr * decayRate ** falls),
});
