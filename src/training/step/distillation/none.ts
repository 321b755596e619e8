/** No distillation. */
import { distillationMode } from "./mode.js";

export const none = distillationMode({ settings: {}, options: () => ({}) });
