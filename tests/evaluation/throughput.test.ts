import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Engine, Executable } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { InterruptedError, OutOfMemoryError } from "../../src/errors/errors.js";
import { measureThroughput } from "../../src/evaluation/throughput.js";
import { initialize } from "../../src/models/initialize.js";
import { linearClassifier } from "../../src/models/linear.js";

const model = linearClassifier({ imageSize: 8 });
const weights = initialize(model, 0);
let engine: Engine;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
});
afterAll(() => engine.close());
afterEach(() => vi.restoreAllMocks());

describe("throughput", () => {
  it("times the requested number of runs after two, of the given batch", async () => {
    // A clock that only runs of the program move; the first two are not counted.
    const durations = [9000, 9000, 500, 1000, 500, 1000];
    let clock = 0;
    vi.spyOn(performance, "now").mockImplementation(() => clock);
    const timed: Engine = {
      ...{ info: engine.info, createState: (tensors) => engine.createState(tensors), close: async () => undefined },
      memoryNeed: async () => undefined,
      compile: async (program) => {
        const executable = await engine.compile(program);
        const run: Executable["run"] = (state, data) => {
          clock += durations.shift() ?? Number.NaN;
          return executable.run(state, data);
        };
        return { program, run, dispose: () => executable.dispose() };
      },
    };
    const told: [number, number, number | undefined][] = [];
    const onRun = (...run: (typeof told)[number]) => told.push(run);
    const found = await measureThroughput({ engine: timed, model, weights, batch: 3, runs: 4, onRun });
    expect(found).toMatchObject({ batch: 3, runs: 4 });
    expect(told).toEqual([1, 2, 3, 4].map((run) => [3, run, 4]));
    expect(durations).toEqual([]);
    expect(found.imagesPerSecond).toBeCloseTo((4 * 3) / 3, 10);
    expect(found.deviation).toBeCloseTo(Math.sqrt((4 * 1.5 ** 2) / 3), 10); // 6, 3, 6, 3 images per second
  });
  it("finds a batch among the powers of two, the largest up to the bound", async () => {
    const options = { engine, model, weights, runs: 1, mostImages: 16 };
    expect((await measureThroughput({ ...options, batch: "largest" })).batch).toBe(16);
    expect([1, 2, 4, 8, 16]).toContain((await measureThroughput({ ...options, batch: "fastest" })).batch);
  });
  it("takes the largest batch for which the engine has memory", async () => {
    const small: Engine = {
      ...{ info: engine.info, createState: (tensors) => engine.createState(tensors), close: async () => undefined },
      memoryNeed: async () => undefined,
      compile: (program) => {
        if (program.inputs.some((i) => i.name === "images" && i.shape[0] > 4))
          throw new OutOfMemoryError("The device is out of memory.");
        return engine.compile(program);
      },
    };
    expect((await measureThroughput({ engine: small, model, weights, batch: "largest", runs: 1 })).batch).toBe(4);
  });
  it("stops when it is interrupted", async () => {
    const stopped = measureThroughput({ engine, model, weights, batch: 1, signal: AbortSignal.abort() });
    await expect(stopped).rejects.toThrow(InterruptedError);
  });
});
