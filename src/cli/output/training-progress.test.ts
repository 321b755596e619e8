import { afterEach, expect, it, vi } from "vitest";
import type { EngineInfo } from "../../engines/engine.js";
import type { Model } from "../../models/model.js";
import type { EpochRecord, TrainEvent } from "../../training/run-folder/events.js";
import { terminal } from "./terminal.js";
import { trainingProgress } from "./training-progress.js";

const start = {
  kind: "start" as const,
  model: { name: "deit" } as Model,
  ...{
    steps: 100,
    stepsDone: 50,
    batchSize: 8,
    accumulate: 1,
    images: 80,
    evalMetric: "top1" as const,
    parameters: 2e6,
  },
  engine: { engine: "onnx", platform: "cpu", devices: 1, threads: 2 } as EngineInfo,
};

/** The output for steps from `first` to `last`, two seconds each. */
function told(first: number, last: number, after?: (step: number) => TrainEvent | undefined): string[] {
  vi.useFakeTimers({ toFake: ["performance"] });
  const lines: string[] = [];
  vi.spyOn(terminal, "line").mockImplementation((line) => void lines.push(line));
  const { onEvent } = trainingProgress("training", false);
  onEvent({ ...start, stepsDone: first - 1 });
  for (let step = first; step <= last; step++) {
    vi.advanceTimersByTime(2000);
    onEvent({ kind: "step", step, loss: 2, lr: 0.01, images: 8, loaderWait: 0.25 });
    const event = after?.(step);
    if (!event) continue;
    vi.advanceTimersByTime(60_000);
    onEvent(event);
  }
  return lines;
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("counts a resumed run from where it continues, and its speed and time left from now", () => {
  expect(told(51, 60)).toEqual([
    "training: deit, 2.00 M parameters, 80 images, 100 steps of 8, onnx on cpu (2 threads), continuing from step 50",
    "training: 440/800 images, 4/s, 1 min 30 s left, loss 2.000, lr 1.0e-2, data wait 25 %, onnx on cpu (2 threads)",
    "training: 480/800 images, 4/s, 1 min 20 s left, loss 2.000, lr 1.0e-2, data wait 25 %, onnx on cpu (2 threads)",
  ]);
});

it("forecasts a long run by its steps, whatever lies between two epochs", () => {
  const record = { epoch: 1, step: 10, lr: 0.01, trainLoss: 2, trainTop1: 10, imagesPerSecond: 4 };
  const epoch = { ...record, loaderWait: 0, seconds: 20 } as EpochRecord;
  const lines = told(1, 13, (step) => (step === 10 ? { kind: "epoch", record: epoch } : undefined));
  expect(lines.filter((line) => line.startsWith("estimate"))).toEqual([
    "estimate: about 2 min 54 s at 4 images/s, tests aside (more by --dry-run)",
  ]);
});
