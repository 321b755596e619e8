/** Shows several training runs at once: one bar for all, and lines with the title of each. */
import type { EpochRecord, TrainEvent } from "../../training/run-folder/events.js";
import { note, warn } from "./output.js";
import { createProgress, type Progress } from "./progress.js";
import { epochLine } from "./training-progress.js";

/** Listens to one of several runs. */
export interface RunWatcher {
  readonly onEvent: (event: TrainEvent) => void;
  readonly stop: () => void;
}

/**
 * A bar over the images of all runs, and a line for each that ends. Every run counts alike: with the images of the run
 * that starts first.
 */
export function runsProgress(title: string, runs: number, quiet: boolean): (name: string) => RunWatcher {
  let progress: Progress | undefined;
  let imagesOfRun = 0;
  const shares = new Map<string, number>();
  let active = 0;
  const draw = () => progress?.update(Math.round([...shares.values()].reduce((sum, s) => sum + s, 0) * imagesOfRun));
  return (name) => {
    let last: EpochRecord | undefined;
    let [images, total] = [0, 0];
    active++;
    return {
      stop: () => {
        if (last && !quiet) note(`${name}: ${epochLine(last)}`);
        shares.set(name, 1);
        draw();
        if (--active > 0) return;
        progress?.stop(); // all have ended, or the rest was interrupted
        progress = undefined;
      },
      onEvent: (event) => {
        if (event.kind === "start") {
          [images, total] = [event.stepsDone * event.batchSize, event.steps * event.batchSize];
          if (total === 0) return;
          imagesOfRun ||= total;
          progress ??= createProgress({ title, total: runs * imagesOfRun, unit: "images", quiet });
        } else if (event.kind === "step") {
          images += event.images;
          shares.set(name, Math.min(1, images / total));
          draw();
        } else if (event.kind === "epoch") last = event.record;
        else if (event.kind === "warning") warn(event.sentence ?? event.message);
      },
    };
  };
}
