/** The same rate throughout. */
import { scheduleKind } from "./schedule.js";

export const constant = scheduleKind({ settings: {}, reachesMinLr: false, rate: ({ lr }) => lr });
