import { describe, expect, it } from "vitest";
import { alone } from "../../cluster/process-group.js";
import type { Engine } from "../../engines/engine.js";
import { OutOfMemoryError } from "../../errors/errors.js";
import { input, program } from "../../tensor/index.js";
import { parseRecipe } from "../recipe/recipe.js";
import { fittingRuns, namingFittingBatch, withFittingBatch } from "./fitting-batch.js";

/** An engine whose programs need 100 bytes and 10 per image of a run, on a device with this many bytes. */
function engineOf(limit: number, { devices = 1, free = limit } = {}) {
  const asked: number[] = [];
  const engine = {
    info: { devices },
    memoryNeed: async ({ inputs: [{ shape }] }: { inputs: readonly { shape: readonly number[] }[] }) => {
      asked.push(shape[0]);
      return { needed: 100 + 10 * shape[0], limit, free };
    },
  };
  return { engine: engine as unknown as Engine, asked };
}

const search = (engine: Engine, batchSize: number) => ({
  engine,
  batchSize,
  program: (accumulate: number) =>
    program({ name: "train", outputs: { x: input("x", "float32", [batchSize / accumulate]) } }),
});

describe("a batch that fits", () => {
  it("is the whole batch if there is room", async () => {
    expect(await fittingRuns(search(engineOf(1e6).engine, 1024))).toBe(1);
  });

  it("is divided into the fewest equal runs, found with few programs", async () => {
    // 90 % of 3,000 bytes are enough for 260 images.
    const { engine, asked } = engineOf(3000);
    expect(await fittingRuns(search(engine, 1024))).toBe(4);
    expect(asked).toEqual([1, 2, 256]);
    expect(await fittingRuns(search(engine, 1000))).toBe(4);
  });

  it("gives every device as many images", async () => {
    expect(await fittingRuns(search(engineOf(400, { devices: 8 }).engine, 48))).toBe(2);
    expect(await fittingRuns(search(engineOf(1e6, { devices: 7 }).engine, 48))).toBeUndefined();
  });

  it("goes by the memory that is free", async () => {
    expect(await fittingRuns(search(engineOf(1e6, { free: 3000 }).engine, 1024))).toBe(4);
  });

  it("is refused with a clear message if nothing fits", async () => {
    const recipe = parseRecipe({ batchSize: 64 });
    await expect(withFittingBatch(recipe, search(engineOf(50).engine, 64), alone)).rejects.toThrow(
      "no fraction of the batch of 64",
    );
    const fitting = await withFittingBatch(recipe, search(engineOf(500).engine, 64), alone);
    expect(fitting).toEqual({ ...recipe, accumulate: 2 });
  });

  it("keeps less for the backward pass only if nothing fits otherwise", async () => {
    // 100 bytes more for what is kept; of 170 bytes, 153 are enough for 5 images without it.
    const keeping = (limit: number) => {
      const { engine } = engineOf(limit);
      const program = (accumulate: number, less?: boolean) =>
        search(engine, 64).program(less ? accumulate : 64 / (10 + 64 / accumulate));
      return { engine, batchSize: 64, program };
    };
    const recipe = parseRecipe({ batchSize: 64 });
    expect(await withFittingBatch(recipe, keeping(170), alone)).toEqual({
      ...{ ...recipe, accumulate: 16, gradCheckpointing: true },
    });
    expect(await withFittingBatch(recipe, keeping(300), alone)).toEqual({ ...recipe, accumulate: 16 });
    await expect(withFittingBatch(recipe, keeping(50), alone)).rejects.toThrow("no fraction of the batch of 64");
  });

  it("is named in the error of one that does not fit", async () => {
    const error = new OutOfMemoryError("It needs 9 GiB, but there are 3; choose a smaller batch size.", {
      found: "It needs 9 GiB, but there are 3.",
    });
    const named = await namingFittingBatch(error, search(engineOf(3000).engine, 1024));
    expect(named.message).toMatch(/^It needs 9 GiB, but there are 3\. Runs of 256 images fit: `accumulate: 4` /);
    expect(await namingFittingBatch(error, search(engineOf(50).engine, 1024))).toBe(error);
  });
});
