/** Half a cosine from the rate to the minimum rate (paper, table 9). */
import { scheduleKind } from "./schedule.js";

/** As in timm's CosineLRScheduler, the cosine counts from epoch 0, not from the end of the warm-up. */
export const cosine = scheduleKind({
  settings: {},
  reachesMinLr: true,
  rate: ({ lr, minLr, epochs }, epoch) =>
    epoch >= epochs ? minLr : minLr + 0.5 * (lr - minLr) * (1 + Math.cos((Math.PI * epoch) / epochs)),
});
