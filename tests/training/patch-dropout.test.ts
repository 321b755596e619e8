/** Patch dropout: timm's numbers for the same patches, which patches are drawn, resumed runs, and what it cannot go with. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Batch } from "../../src/data/loading/loader.js";
import { openModel } from "../../src/evaluation/open-model.js";
import { readSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { parameterInputs } from "../../src/models/context.js";
import { deit } from "../../src/models/deit.js";
import { keptPatches } from "../../src/models/parts.js";
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
import { patchOrderInput, trainingContext } from "../../src/training/step/context.js";
import { expectSameState, micro, trainSteps, useRuns, useTeacher } from "./setup.js";

describe("patch dropout as timm has it", () => {
  let fixture: NamedTensors;
  beforeAll(async () => {
    const path = new URL("../fixtures/models/patch_dropout.safetensors", import.meta.url).pathname;
    fixture = (await readSafetensors(path)).tensors;
  });
  const values = (name: string) => fixture.get(name)!.data as Float32Array;
  /** timm's are rounded to float32 within the model; ours are in double precision. */
  const close = (got: ArrayLike<number>, wanted: ArrayLike<number>, name: string) =>
    Array.from(wanted, (v, i) => expect(Math.abs(got[i] - v), name).toBeLessThan(2e-5 * (1 + Math.abs(v))));

  it.each([
    ["distilled", { distilled: true }],
    ["patches", { noEmbedClass: true }],
  ] as const)("in logits and gradients of a model with %s", (kind, options) => {
    const model = deit("micro", {
      ...{ imageSize: [12, 20], patchSize: 4, width: 8, depth: 2, heads: 2, classes: 3, patchDropout: 0.4 },
      ...options,
    });
    const parameters = parameterInputs(model);
    const context = trainingContext(parameters, { batch: 3, sites: 0 });
    const { logits, distillation } = model.forward(context, input("images", "float32", [3, 12, 20, 3]));
    const heads = distillation ? [logits, distillation] : [logits];
    const labels = constant("float32", [3, 3], [1, 0, 0, 0, 0, 1, 0, 1, 0]);
    const crossEntropy = (head: Tensor) => mul(reduceSum(mul(labels, logSoftmax(head))), -1 / 3);
    const names = [...parameters.keys()];
    const wanted = names.map((name) => parameters.get(name)!);
    const slopes = gradient(heads.map(crossEntropy).reduce(add), wanted);
    const got = evaluate(
      [...heads, ...slopes],
      new Map<string, ArrayLike<number>>([
        ...names.map((name) => [name, values(`${kind}.weights.${name}`)] as const),
        ["images", values(`${kind}.images`)],
        [patchOrderInput, Array.from(values(`${kind}.order`))],
      ]),
    );
    heads.forEach((_, i) => {
      close(got[i], values(`${kind}.logits.${i}`), `logits ${i}`);
    });
    names.forEach((name, i) => {
      close(got[heads.length + i], values(`${kind}.gradients.${name}`), name);
    });
  });

  it("keeps the number of patches that timm keeps", () => {
    // max(1, int(L * (1. - prob))) in Python
    expect([keptPatches(196, 0.5), keptPatches(196, 0.25), keptPatches(196, 0.9), keptPatches(4, 0.9)]).toEqual([
      ...[98, 147, 19, 1],
    ]);
  });
});

describe("the patches that are drawn", () => {
  const recipe = parseRecipe({ ...micro, patchDropout: 0.5, mixup: 0, cutmix: 0, eraseProbability: 0 });
  const model = createStudent(recipe, 2);
  const { program } = stepOf(recipe, model, {});
  const drawn = (seed: number, step: number) => {
    const batch = {
      first: 0,
      labels: new Int32Array(16),
      images: new Uint8Array(16 * 768),
      indices: [],
      views: [],
      step,
    };
    const given = stepData(
      program,
      { recipe: { ...recipe, seed }, epoch: 0, batch: batch as unknown as Batch },
      { scalars: { emaDecay: 0, apply: 1, passOver: 1 } },
    );
    return given.get(patchOrderInput)!;
  };

  it("are others for each image and step, the same for the same, and each equally often", () => {
    const first = drawn(0, 0);
    expect(first.shape).toEqual([16, 16]);
    expect(drawn(0, 0).data).toEqual(first.data);
    expect(drawn(0, 1).data).not.toEqual(first.data);
    expect(drawn(1, 0).data).not.toEqual(first.data);
    const times = new Array<number>(16).fill(0);
    const steps = 60;
    for (let step = 0; step < steps; step++) {
      const { data } = drawn(0, step);
      for (let image = 0; image < 16; image++) {
        const order = Array.from(data.subarray(image * 16, image * 16 + 16), Number);
        expect(new Set(order).size).toBe(16);
        for (const patch of order.slice(0, 8)) times[patch]++;
      }
    }
    // 960 draws with probability 1/2: a deviation of 15.5; four of them hold for 16 counts.
    for (const count of times) expect(Math.abs(count - 480)).toBeLessThan(62);
  });

  it("are an input of the step alone, and only where some are dropped", () => {
    const order = (patchDropout: number) => {
      const dropping = parseRecipe({ ...micro, patchDropout });
      const { program } = stepOf(dropping, createStudent(dropping, 2), {});
      return program.inputs.find(({ name }) => name === patchOrderInput);
    };
    expect(order(0)).toBeUndefined();
    expect(order(0.5)?.shape).toEqual([16, 16]);
  });
});

const runs = useRuns();
const teacher = useTeacher(runs);

describe("a run with patch dropout", () => {
  const { options, folder } = runs;
  const settings = { patchDropout: 0.5, batchSize: 32, accumulate: 2 };

  it("continues to the very weights of one that was not interrupted", async () => {
    const { epochs } = await train(options("whole", settings));
    expect(epochs.at(-1)!.trainLoss).toBeLessThan(epochs[0].trainLoss);
    expect(await trainSteps(options("cut", settings), 2)).toBe(true);
    await train(options("cut", settings, { resume: true }));
    await expectSameState(folder("whole"), folder("cut"));
    // What it keeps is a model that sees all patches.
    const { model } = await openModel({ weights: join(folder("whole"), "best.safetensors") });
    expect(model.tokens?.grid).toEqual([4, 4]);
  });

  it("goes with native aspect ratios, two passes over each image, and a head that imitates", async () => {
    const one = { ...settings, epochs: 1, mixup: 0, cutmix: 0 };
    const native: RecipeSettings = { ...one, cropMode: "native", imageSize: 24, crop: "resized", cropScale: [0.4, 1] };
    for (const [name, more] of [
      ["native", native],
      ["cosub", { ...one, cosub: true, dropPath: 0.2 }],
      ["head", { ...one, teacherWeights: teacher(), features: { teacher: "head.input", student: "head.input" } }],
    ] as const)
      expect(Number.isFinite((await train(options(name, more))).epochs[0].trainLoss), name).toBe(true);
  });

  it("is refused where all patches are needed, or there are none", async () => {
    expect(() => parseRecipe({ patchDropout: 0.5, trainedParts: "last-1-blocks" })).toThrow(
      /patchDropout=0\.5 drops patches .* trainedParts=last-1-blocks .* set patchDropout=0, or trainedParts=all/,
    );
    const convnet = { model: "regnety", patchSize: undefined, width: undefined, heads: undefined, depth: 4 };
    expect(() => createStudent(parseRecipe({ ...convnet, patchDropout: 0.5 }), 2)).toThrow(
      /patchDropout=0\.5, which the model "regnety" does not read/,
    );
    const imitating = { ...settings, teacherWeights: teacher(), features: { teacher: "blocks.0" } };
    await expect(train(options("imitating", imitating))).rejects.toThrow(
      /layer "blocks\.0" of "deit" is to imitate .* patchDropout=0\.5 drops some/,
    );
  });
});
