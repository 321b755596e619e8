/** A rate that decreases by a factor at regular intervals of epochs. */
import { z } from "zod";
import { scheduleKind } from "./schedule.js";

/** A setting of all schedules whose rate falls in steps. */
export const decayRate = z.number().positive().default(0.1).meta({
  description: "Schedules `step`, `multistep` and `plateau`: factor on the rate at each fall.",
  timm: "decay-rate",
});

export const step = scheduleKind({
  settings: {
    decayEpochs: z.number().positive().default(30).meta({
      description: "Schedule `step`: epochs between two falls of the rate.",
      timm: "decay-epochs",
    }),
    decayRate,
  },
  reachesMinLr: false,
  rate: ({ lr, decayEpochs, decayRate }, epoch) => lr * decayRate ** Math.floor(epoch / decayEpochs),
});
