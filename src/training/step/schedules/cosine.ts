/** Half a cosine from the rate to the minimum rate (paper, table 9), once or in cycles. */
import { cycleAt, cycleSettings } from "./cycles.js";
import { scheduleKind } from "./schedule.js";

/** As in timm's CosineLRScheduler, the cosine counts from epoch 0, not from the end of the warm-up. */
export const cosine = scheduleKind({
  settings: cycleSettings,
  reachesMinLr: true,
  rate: (settings, epoch) => {
    const { minLr } = settings;
    const cycle = cycleAt(settings, epoch);
    return cycle ? minLr + 0.5 * (cycle.highest - minLr) * (1 + Math.cos(Math.PI * cycle.progress)) : minLr;
  },
});
