/** Shows what takes long before work begins: data that is opened. */
import type { OnOpening } from "../../data/dataset/opening.js";
import type { TrainEvent } from "../../training/run-folder/events.js";
import { warn } from "./output.js";
import { createProgress, type Progress } from "./progress.js";

/** A listener that draws a bar for each archive or file. */
export function openingBars(): OnOpening {
  const bars = new Map<string, Progress>();
  return ({ doing, done, total, unit, ended }) => {
    const bar = bars.get(doing) ?? createProgress({ title: doing, total, unit });
    bars.set(doing, bar);
    if (!ended) return bar.update(done);
    bar.stop();
    bars.delete(doing);
  };
}

/** A listener for work on the way to a training, which only opens data and may warn. */
export function preparing(): (event: TrainEvent) => void {
  const opening = openingBars();
  return (event) => {
    if (event.kind === "warning") warn(event.sentence ?? event.message);
    else if (event.kind === "opening") opening(event);
  };
}
