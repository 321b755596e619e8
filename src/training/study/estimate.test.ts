import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Engine, MemoryNeed } from "../../engines/engine.js";
import { type EstimateOptions, estimateRun } from "./estimate.js";
import type { Trial } from "./trial.js";

let clock = 0;
beforeEach(() => {
  clock = 0;
  vi.spyOn(performance, "now").mockImplementation(() => clock);
});
afterEach(() => vi.restoreAllMocks());

/** Steps of 32 images: the first two are slow and are not counted, the others take 2 s, 0.5 s of them for data. */
const trial = {
  recipe: { batchSize: 32, epochs: 10 },
  model: { name: "micro", parameters: [{ shape: [3, 4] }, { shape: [5] }] },
  step: { state: new Map([["w", [100]]]), program: {} },
  ...{ images: 3200, testImages: 480, stepsPerEpoch: 100 },
  waited: () => clock / 4,
  compiling: () => 0,
  async *steps(rate: (step: number) => number) {
    for (let step = 1; ; step++) {
      expect(rate(step)).toBe(0);
      clock += step <= 2 ? 60_000 : 2000;
      yield { loss: 1, gradientNorm: 1 };
    }
  },
} as unknown as Trial;

function estimate(options: Partial<EstimateOptions> = {}, need?: Partial<MemoryNeed>) {
  const engine = { info: { engine: "xla", platform: "cpu", devices: 1 }, memoryNeed: async () => need };
  return estimateRun(trial, { engine: engine as unknown as Engine, watts: 500, ...options });
}

it("reckons time from steps after the first two, tests at a third of a training image's time", async () => {
  const found = await estimate({ seconds: 20 });
  expect(found).toMatchObject({
    ...{ model: "micro", parameters: 17, images: 3200, testImages: 480, epochs: 10, steps: 1000 },
    ...{ measuredSteps: 10, secondsPerStep: 2, imagesPerSecond: 16, loaderWait: 0.25, diskBytes: 3 * 400 },
    ...{ testSeconds: (10 * 480) / 3 / 16, trainingSeconds: 1000 * 2 + 100 },
  });
  expect((await estimate({ seconds: 1 })).measuredSteps).toBe(3); // fewer say too little
  expect((await estimate({ seconds: 1e6 })).measuredSteps).toBe(50);
});

it("reckons energy and money from that time", async () => {
  const { kilowattHours, cost, power } = await estimate({ prices: { perHour: 6, perKilowattHour: 2 } });
  expect(power).toMatchObject({ watts: 500 });
  expect(kilowattHours).toBeCloseTo((500 * 2100) / 3.6e6, 10);
  expect(cost).toBeCloseTo((6 * 2100) / 3600 + 2 * kilowattHours, 10);
  expect((await estimate()).cost).toBeUndefined();
});

it("takes the memory that the engine counts, or what the process has held", async () => {
  const counted = await estimate({}, { counted: true, needed: 12345 });
  expect(counted.memory).toMatchObject({ bytes: 12345, source: expect.stringContaining("xla engine's own count") });
  const { bytes, processBytes, source } = (await estimate()).memory;
  expect(bytes).toBe(processBytes);
  expect(source).toContain("this process");
});
