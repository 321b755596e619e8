/** Stochastic depth that computes only kept images: timm's numbers for the same ones, which are drawn, and resumed runs. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Batch } from "../../src/data/loading/loader.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { parameterInputs } from "../../src/models/context.js";
import { deit } from "../../src/models/deit.js";
import { layersOf } from "../../src/models/layers.js";
import {
  add,
  constant,
  evaluate,
  gradient,
  input,
  logSoftmax,
  mul,
  type NamedTensors,
  reduceSum,
  type Tensor,
} from "../../src/tensor/index.js";
import { stepData } from "../../src/training/feed/step-data.js";
import { parseRecipe, type RecipeSettings } from "../../src/training/recipe/recipe.js";
import { createStudent } from "../../src/training/recipe/student.js";
import { stepOf } from "../../src/training/run/recipe-step.js";
import { train } from "../../src/training/run/trainer.js";
import { trainingContext } from "../../src/training/step/context.js";
import { dropPathInput, dropPathOrderInput, dropsOf } from "../../src/training/step/stochastic-depth.js";
import { expectSameState, micro, trainSteps, useRuns } from "./setup.js";

/** Orders as the host gives them: each, and the place of each image in it. */
const withPlaces = (orders: readonly (readonly number[])[]): number[] =>
  orders.flatMap((order) => [...order, ...order.map((_, image) => order.indexOf(image))]);

describe("stochastic depth as timm has it", () => {
  let fixture: NamedTensors;
  beforeAll(async () => {
    const path = new URL("../fixtures/models/drop_path.safetensors", import.meta.url).pathname;
    fixture = (await readSafetensors(path)).tensors;
  });
  const values = (name: string) => Array.from(fixture.get(name)!.data, Number);
  /** timm's are rounded to float32 within the model; ours are in double precision. */
  const close = (got: ArrayLike<number>, wanted: ArrayLike<number>, name: string) =>
    Array.from(wanted, (v, i) => expect(Math.abs(got[i] - v), name).toBeLessThan(2e-5 * (1 + Math.abs(v))));

  it.each([
    ["distilled", { distilled: true }, false],
    ["distilled", { distilled: true }, true],
    ["scaled", { layerScale: 0.5 }, false],
  ] as const)("in logits and gradients of a model that is %s (%o, computed again: %s)", (kind, options, recomputes) => {
    const [batch, sites] = [5, 4];
    const model = deit("micro", {
      ...{ imageSize: [12, 20], patchSize: 4, width: 8, depth: 3, heads: 2, classes: 3, dropPath: 0.6 },
      ...options,
    });
    const parameters = parameterInputs(model);
    const context = trainingContext(parameters, { batch, sites, recomputes });
    const { logits, distillation } = model.forward(context, input("images", "float32", [batch, 12, 20, 3]));
    expect(context.dropPathSites()).toBe(sites);
    const heads = distillation ? [logits, distillation] : [logits];
    const labels = constant("float32", [batch, 3], [1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0]);
    const crossEntropy = (head: Tensor) => mul(reduceSum(mul(labels, logSoftmax(head))), -1 / batch);
    const names = [...parameters.keys()];
    const slopes = gradient(
      heads.map(crossEntropy).reduce(add),
      names.map((name) => parameters.get(name)!),
    );
    const order = values(`${kind}.order`);
    const orders = Array.from({ length: sites }, (_, i) => order.slice(i * batch, (i + 1) * batch));
    const got = evaluate(
      [...heads, ...slopes],
      new Map<string, ArrayLike<number>>([
        ...names.map((name) => [name, values(`${kind}.weights.${name}`)] as const),
        ["images", values(`${kind}.images`)],
        [dropPathInput, values(`${kind}.uniform`)],
        [dropPathOrderInput, withPlaces(orders)],
      ]),
    );
    heads.forEach((_, i) => {
      close(got[i], values(`${kind}.logits.${i}`), `logits ${i}`);
    });
    names.forEach((name, i) => {
      close(got[heads.length + i], values(`${kind}.gradients.${name}`), name);
    });
  });
});

describe("a branch that is dropped", () => {
  /** 1 for each image, through a branch that is the identity, and the number of images that the branch computed. */
  const passed = (batch: number, rate: number, devices: number, given: ReadonlyMap<string, ArrayLike<number>>) => {
    let computed = 0;
    const nn = layersOf({ ...trainingContext(new Map(), { batch, sites: 1, devices }), observe: undefined });
    const one = constant("float32", [batch, 1], new Array<number>(batch).fill(1));
    const identity = (x: Tensor) => {
      computed = x.shape[0];
      return x;
    };
    const y = nn.residual(one, identity, rate, constant("float32", [batch, 1], new Array<number>(batch).fill(0)));
    return { factors: [...evaluate([y], given)[0]], computed };
  };

  const recipe = parseRecipe({
    ...{ ...micro, depth: 3, dropPath: 0.4, dropPathRates: "uniform" },
    ...{ mixup: 0, cutmix: 0, eraseProbability: 0 },
  });
  const model = createStudent(recipe, 2);
  const programs = [1, 2].map((devices) => stepOf(recipe, model, {}, { devices }).program);
  const drawn = (seed: number, step: number, devices = 1) => {
    const program = programs[devices - 1];
    const batch = {
      ...{ first: 0, labels: new Int32Array(16), images: new Uint8Array(16 * 768), indices: [], views: [], step },
    };
    return stepData(
      program,
      { recipe: { ...recipe, seed }, epoch: 0, batch: batch as unknown as Batch },
      { scalars: { emaDecay: 0, apply: 1, passOver: 1 } },
    );
  };
  /** What is drawn for one place. */
  const atPlace = (given: NamedTensors, place: number): ReadonlyMap<string, ArrayLike<number>> =>
    new Map(
      [dropPathInput, dropPathOrderInput].map((name) => {
        const { data, shape } = given.get(name)!;
        const each = data.length / shape[0];
        return [name, Array.from(data.slice(place * each, (place + 1) * each), Number)];
      }),
    );

  it.each([1, 2])("leaves each image out as often as the rate says, on %i devices", (devices) => {
    const dropped = new Array<number>(16).fill(0);
    const [steps, places] = [100, 6];
    for (let step = 0; step < steps; step++) {
      const given = drawn(0, step, devices);
      for (let place = 0; place < places; place++) {
        const { factors, computed } = passed(16, 0.4, devices, atPlace(given, place));
        // floor(16 · 0.4) are left out; of two devices with eight images each, floor(8 · 0.4).
        expect(computed).toBe(16 - 6);
        factors.forEach((factor, image) => {
          if (factor === 0) dropped[image]++;
          else expect(factor).toBeCloseTo(1 / 0.6, 6);
        });
        const without = factors.filter((factor) => factor === 0).length;
        expect(without).toBeGreaterThanOrEqual(6);
        for (let device = 0; device < devices; device++) {
          const own = factors.slice((device * 16) / devices, ((device + 1) * 16) / devices);
          expect(own.filter((factor) => factor === 0).length).toBeGreaterThanOrEqual(6 / devices);
        }
      }
    }
    // 600 draws with probability 0.4: a deviation of 12; four of them hold for 16 counts.
    for (const count of dropped) expect(Math.abs(count - 240)).toBeLessThan(48);
  });

  it("is drawn anew at each step, place and seed, and the same for the same", () => {
    const order = (seed: number, step: number) => drawn(seed, step).get(dropPathOrderInput)!;
    const first = order(0, 0);
    expect(first.shape).toEqual([6, 2, 1, 16]);
    expect(order(0, 0).data).toEqual(first.data);
    expect(order(0, 1).data).not.toEqual(first.data);
    expect(order(1, 0).data).not.toEqual(first.data);
    expect(first.data.slice(0, 16)).not.toEqual(first.data.slice(32, 48));
  });

  it("splits every rate into those that are left out and a probability for the others", () => {
    for (const images of [1, 5, 8, 32, 100, 1024])
      for (const rate of [0.01, 0.1, 0.29, 0.3, 0.5, 0.7, 0.99]) {
        const { leftOut, rest } = dropsOf(images, rate);
        expect(Number.isInteger(leftOut) && leftOut < images && rest >= 0 && rest < 1).toBe(true);
        expect((leftOut + (images - leftOut) * rest) / images).toBeCloseTo(rate, 12);
      }
    expect(dropsOf(100, 0.29)).toEqual({ leftOut: 29, rest: 0 });
  });

  it("draws no orders where the batch is too small to leave one out", () => {
    const inputs = (batchSize: number) => {
      const small = parseRecipe({ ...micro, dropPath: 0.1, batchSize });
      return stepOf(small, createStudent(small, 2), {}).program.inputs.map(({ name }) => name);
    };
    expect(inputs(8)).toContain(dropPathInput);
    expect(inputs(8)).not.toContain(dropPathOrderInput);
    expect(inputs(16)).toContain(dropPathOrderInput);
  });
});

const runs = useRuns();

describe("a run with stochastic depth", () => {
  const { options, folder } = runs;
  const settings: RecipeSettings = { dropPath: 0.4, dropPathRates: "uniform", batchSize: 32, accumulate: 2 };

  it("continues to the very weights of one that was not interrupted, with any number of workers", async () => {
    const { epochs } = await train(options("whole", settings));
    expect(epochs.at(-1)!.trainLoss).toBeLessThan(epochs[0].trainLoss);
    expect(await trainSteps(options("cut", settings), 2)).toBe(true);
    await train(options("cut", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("cut"));
    await train(options("workers", settings, { workers: 2 }));
    await expectSameState(folder("whole"), folder("workers"));
  });

  it("goes with native aspect ratios, two passes over each image, trained parts and blocks computed again", async () => {
    const one: RecipeSettings = { ...settings, epochs: 1, mixup: 0, cutmix: 0 };
    const native: RecipeSettings = { cropMode: "native", imageSize: 24, crop: "resized", cropScale: [0.4, 1] };
    for (const [name, more] of [
      ["native", native],
      ["cosub", { cosub: true }],
      ["last block", { trainedParts: "last-1-blocks" }],
      ["stored", { trainedParts: "last-1-blocks", frozenViews: 1 }],
      ["again", { gradCheckpointing: true, patchDropout: 0.25 }],
    ] as const)
      expect(Number.isFinite((await train(options(name, { ...one, ...more }))).epochs[0].trainLoss), name).toBe(true);
  });
});
