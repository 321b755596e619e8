/** Shows a training run on standard error. */
import type { EngineInfo } from "../../engines/engine.js";
import { decidingText, type EvalMetric, usualMetric } from "../../evaluation/eval-metric.js";
import { duration } from "../../system/text/duration.js";
import type { EpochRecord, TrainEvent } from "../../training/run-folder/events.js";
import { openingBars } from "./opening-progress.js";
import { note, warn } from "./output.js";
import { createProgress, type Progress } from "./progress.js";

/** A listener for `train` that draws a bar over all steps and prints a line per epoch. */
export function trainingProgress(title: string, quiet: boolean): { onEvent(event: TrainEvent): void; stop(): void } {
  let progress: Progress | undefined;
  let fitting: Progress | undefined;
  let [images, where] = [0, ""];
  let part: TestPart = "test";
  let metric: EvalMetric | undefined;
  const forecast = forecaster();
  const opening = openingBars();
  const endFitting = () => {
    fitting?.stop();
    fitting = undefined;
  };
  return {
    stop: () => {
      endFitting();
      progress?.stop();
    },
    onEvent: (event) => {
      switch (event.kind) {
        case "opening":
          return opening(event);
        case "fitting":
          fitting ??= createProgress({ title: "features for the head", total: event.total, unit: "images", quiet });
          fitting.update(event.images);
          return;
        case "storing":
          progress?.update(images, [
            `features of the frozen part: ${event.images} of ${event.total} images`,
            ...(where ? [where] : []),
          ]);
          return;
        case "start":
          endFitting();
          part = event.testPart ?? "test";
          metric = event.evalMetric;
          if (event.steps === 0) return;
          forecast.start(event);
          images = event.stepsDone * event.batchSize;
          where = deviceText(event.engine);
          progress = createProgress({
            ...{ title, total: event.steps * event.batchSize, unit: "images", begun: images, quiet },
          });
          if (!quiet) {
            note(
              `${title}: ${event.model.name}, ${(event.parameters / 1e6).toFixed(2)} M parameters, ${event.images} images, ${event.steps} steps of ${batchText(event)}, ${where}${event.stepsDone > 0 ? `, continuing from step ${event.stepsDone}` : ""}`,
            );
          }
          return;
        case "step":
          images += event.images;
          if (!quiet) forecast.step(event);
          progress?.update(images, [
            `loss ${event.loss.toFixed(3)}`,
            `lr ${event.lr.toExponential(1)}`,
            `data wait ${(100 * event.loaderWait).toFixed(0)} %`,
            where,
          ]);
          return;
        case "epoch":
          forecast.epoch();
          if (!quiet) note(epochLine(event.record, part, metric));
          return;
        case "final":
          return; // reported with the result
        case "warning":
          warn(event.sentence ?? event.message);
      }
    },
  };
}

const batchText = ({ batchSize, accumulate }: { readonly batchSize: number; readonly accumulate: number }): string =>
  accumulate > 1 ? `${batchSize} (in ${accumulate} runs of ${batchSize / accumulate})` : `${batchSize}`;

/** Runs of the program before and during the forecast's measurement. */
const [warmUp, measured] = [3, 10];
/** Minimum seconds of a run for a forecast. */
const longEnough = 60;

/** Reports once, after the first steps, how long the run will take. */
function forecaster() {
  let [steps, batchSize, runs, since, lastStep] = [0, 0, 0, 0, 0];
  return {
    start: (event: { readonly steps: number; readonly batchSize: number }) => {
      ({ steps, batchSize } = event);
    },
    /** The time between two epochs, mainly the test, is not part of the steps' time. */
    epoch: () => {
      since += performance.now() - lastStep;
    },
    step: ({ step, images }: { readonly step: number; readonly images: number }) => {
      runs++;
      lastStep = performance.now();
      if (runs === warmUp) since = lastStep;
      if (runs !== warmUp + measured) return;
      const perImage = (lastStep - since) / 1000 / (measured * images);
      const left = (steps - step) * batchSize * perImage;
      if (left < longEnough) return;
      note(
        `estimate: about ${duration(left)} at ${(1 / perImage).toFixed(0)} images/s, tests aside (more by --dry-run)`,
      );
    },
  };
}

/** Where it runs, such as "xla on 4 × cuda" or "onnx on cpu (2 threads)". */
export function deviceText({ engine, platform, devices, threads }: EngineInfo): string {
  const count = devices > 1 ? `${devices} × ` : "";
  return `${engine} on ${count}${platform}${threads ? ` (${threads} threads)` : ""}`;
}

type TestPart = "validation" | "test";

/** The line for an epoch, whose accuracy was measured on this part; `metric` decides on the best one. */
export function epochLine(r: EpochRecord, part: TestPart = "test", metric?: EvalMetric): string {
  const test = r.test ? `, ${part} ${decidingText(r.test, metric ?? usualMetric(r.test))}` : "";
  if (r.epoch === 0)
    return `fitted head: loss ${r.trainLoss.toFixed(4)}, train top-1 ${r.trainTop1.toFixed(1)} %${test}`;
  // Views of several labels have no single right answer.
  const train = r.test?.map === undefined ? `, train top-1 ${r.trainTop1.toFixed(1)} %` : "";
  const wait = r.loaderWait > 0.1 ? `, ${(100 * r.loaderWait).toFixed(0)} % waiting for data` : "";
  return `epoch ${r.epoch}: loss ${r.trainLoss.toFixed(4)}${partsText(r)}${train}${test} (${r.imagesPerSecond.toFixed(0)} images/s${wait})`;
}

/** The parts of the loss, if layers are imitated or pictures compared: the sum alone would not tell whether they agree. */
function partsText({ lossParts }: EpochRecord): string {
  if (lossParts?.features === undefined && lossParts?.consistency === undefined) return "";
  return ` (${Object.entries(lossParts)
    .map(([part, value]) => `${part === "task" ? "labels" : part} ${(value as number).toFixed(4)}`)
    .join(" + ")})`;
}
