import { afterEach, expect, it, vi } from "vitest";
import type { EngineInfo } from "../engines/engine.js";
import type { Model } from "../models/model.js";
import { trainingProgress } from "./training-progress.js";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("counts a resumed run from where it goes on, and its speed and time left from now", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const lines: string[] = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => void lines.push(line));
  const progress = trainingProgress("training", false);
  progress.onEvent({
    kind: "start",
    model: { name: "deit" } as Model,
    ...{ steps: 100, stepsDone: 50, batchSize: 8, accumulate: 1, images: 80, parameters: 2e6 },
    engine: { engine: "onnx", platform: "cpu", devices: 1, threads: 2 } as EngineInfo,
  });
  for (let step = 51; step <= 60; step++) {
    vi.advanceTimersByTime(2000);
    progress.onEvent({ kind: "step", step, loss: 2, lr: 0.01, images: 8, loaderWait: 0.25 });
  }
  expect(lines).toEqual([
    "training: deit, 2.00 M parameters, 80 images, 100 steps of 8, onnx on cpu (2 threads), going on from step 50",
    "training: 440/800 images, 4/s, 1 min 30 s left, loss 2.000, lr 1.0e-2, data wait 25 %, onnx on cpu (2 threads)",
    "training: 480/800 images, 4/s, 1 min 20 s left, loss 2.000, lr 1.0e-2, data wait 25 %, onnx on cpu (2 threads)",
  ]);
});
