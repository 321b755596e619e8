/** A rate that falls by a factor at given epochs. */
import { z } from "zod";
import { scheduleKind } from "./schedule.js";
import { decayRate } from "./step.js";

/** As PyTorch's MultiStepLR; the factor is that of the schedule `step`. */
export const multistep = scheduleKind({
  settings: {
    decayMilestones: z.array(z.number().positive()).readonly().default([90, 180, 270]).meta({
      description:
        "Schedule `multistep`: numbers of epochs after which the rate falls, each time by the factor `decayRate`.",
      timm: "decay-milestones (there one epoch earlier)",
    }),
    decayRate,
  },
  reachesMinLr: false,
  rate: ({ lr, decayMilestones, decayRate }, epoch) =>
    lr * decayRate ** decayMilestones.filter((milestone) => epoch >= milestone).length,
});
