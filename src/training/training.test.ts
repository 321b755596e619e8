import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../engines/engine.js";
import { createOnnxEngine } from "../engines/onnx/engine.js";
import { readSafetensors } from "../formats/safetensors/safetensors.js";
import { deit } from "../models/deit.js";
import { initialize } from "../models/initialize.js";
import { evaluate, float32, type HostTensor, hostTensor, input, zeros } from "../tensor/index.js";
import { parseRecipe, type RecipeSettings } from "./recipe/recipe.js";
import type { TrainOptions } from "./run/train-options.js";
import { train } from "./run/trainer.js";
import { dropoutSeedInput, dropPathInput } from "./step/context.js";
import { distilledLoss } from "./step/distillation/index.js";
import { binaryCrossEntropy } from "./step/losses/binary-cross-entropy.js";
import { crossEntropy } from "./step/losses/cross-entropy.js";
import { smoothedTargets } from "./step/losses/targets.js";
import { createOptimizer, type OptimizerOptions } from "./step/optimizers/index.js";
import { scaledLearningRate, scheduledRate } from "./step/schedules/index.js";
import { type StepOptions, stepInputs, trainStep } from "./step/step.js";

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await createOnnxEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), "deit-train-"));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

describe("losses", () => {
  const logits = input("logits", "float32", [2, 3]);
  const values = new Map<string, number[]>([
    ["logits", [1, 2, 3, -1, 0, 4]],
    ["labels", [2, 0]],
    ["teacher", [0, 3, 1, 2, 2, 5]],
  ]);
  const softmax = (row: number[]) => row.map((v) => Math.exp(v) / row.reduce((s, w) => s + Math.exp(w), 0));
  const [p, q] = [softmax([1, 2, 3]), softmax([-1, 0, 4])];
  const value = (t: Parameters<typeof evaluate>[0][number]) => evaluate([t], values)[0][0];

  it("smooths true labels", () => {
    const target = smoothedTargets(input("labels", "int32", [2]), 3, 0.3);
    const [row] = [[...evaluate([target], values)[0]]];
    [0.1, 0.1, 0.8, 0.8, 0.1, 0.1].forEach((v, i) => {
      expect(row[i]).toBeCloseTo(v, 7);
    });
  });
  it("is the cross entropy of its formula", () => {
    const loss = crossEntropy(logits, smoothedTargets(input("labels", "int32", [2]), 3, 0));
    expect(value(loss)).toBeCloseTo(-(Math.log(p[2]) + Math.log(q[0])) / 2, 10);
  });
  it("is the binary cross entropy of its formula", () => {
    const loss = binaryCrossEntropy(logits, smoothedTargets(input("labels", "int32", [2]), 3, 0));
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    const terms = [1, 2, 3, -1, 0, 4].map((x, i) =>
      i === 2 || i === 3 ? -Math.log(sigmoid(x)) : -Math.log(1 - sigmoid(x)),
    );
    expect(value(loss)).toBeCloseTo(terms.reduce((a, b) => a + b) / 6, 7);
  });
  it("distils hard labels with weight alpha", () => {
    const base = crossEntropy(logits, smoothedTargets(input("labels", "int32", [2]), 3, 0));
    const loss = distilledLoss(base, logits, input("teacher", "float32", [2, 3]), {
      kind: "hard",
      alpha: 0.25,
      on: "class",
    });
    const hard = -(Math.log(p[1]) + Math.log(q[2])) / 2;
    expect(value(loss)).toBeCloseTo(0.75 * value(base) + 0.25 * hard, 7);
  });
});

describe("schedules", () => {
  it("warms up, falls as a cosine and stays", () => {
    const s = { ...parseRecipe({}), lr: 1, epochs: 10, warmupEpochs: 2, warmupLr: 0, minLr: 0.1 };
    expect([0, 1, 10, 12].map((e) => scheduledRate(s, e))).toEqual([0, 0.5, 0.1, 0.1]);
    expect(scheduledRate(s, 5)).toBeCloseTo(0.55, 12);
  });
  it("scales with the global batch", () => {
    expect(scaledLearningRate(5e-4, 1024)).toBe(1e-3);
  });
});

/** A micro DeiT, its step and everything one run needs. */
function micro(options: Partial<StepOptions> = {}) {
  const model = deit("micro", {
    imageSize: 8,
    patchSize: 4,
    width: 8,
    heads: 2,
    depth: 2,
    classes: 3,
    dropPath: 0.3,
    dropout: 0.2,
  });
  const optimizer: OptimizerOptions = options.optimizer ?? {
    kind: "adamw",
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    weightDecay: 0.05,
  };
  const step = trainStep(model, { batch: 4, ...options, optimizer });
  const weights = initialize(model, 0);
  const first = new Map(
    [...step.state].map(([n, shape]) => [n, weights.get(n.replace(/^ema\./, "")) ?? zeros("float32", shape)]),
  );
  const data = (more: Record<string, number> = {}, pixels = 1) => {
    const scalars: Record<string, number> = {
      ...createOptimizer(optimizer).scalars(0.1, 1),
      [stepInputs.apply]: 1,
      [stepInputs.emaDecay]: 0.5,
      ...more,
    };
    return new Map<string, HostTensor>(
      step.program.inputs
        .filter((i) => i.role === "data")
        .map(({ name, shape }) => {
          if (name === "images")
            return [
              name,
              hostTensor(
                "uint8",
                shape,
                Uint8Array.from({ length: 768 }, (_, i) => (i * 37 * pixels) % 256),
              ),
            ];
          if (name === "labels") return [name, hostTensor("int32", shape, Int32Array.of(0, 1, 2, 1))];
          if (name === dropPathInput)
            return [
              name,
              float32(
                shape,
                Array.from({ length: step.dropPathSites * 4 }, (_, i) => (i * 0.37) % 1),
              ),
            ];
          if (name === dropoutSeedInput) return [name, hostTensor("int32", shape, Int32Array.of(1, 2))];
          return [name, float32([], [scalars[name]])];
        }),
    );
  };
  return { model, step, first, data };
}

async function runSteps(setup: ReturnType<typeof micro>, batches: readonly Map<string, HostTensor>[]) {
  const executable = await engine.compile(setup.step.program);
  const state = await engine.createState(setup.first);
  const outputs: Record<string, number>[] = [];
  for (const batch of batches) {
    const results = await executable.run(state, batch);
    outputs.push(Object.fromEntries([...results].map(([n, t]) => [n, Number(t.data[0])])));
  }
  return { outputs, after: await state.read() };
}

const largest = (a: HostTensor, b: HostTensor) =>
  (a.data as Float32Array).reduce((m, v, i) => Math.max(m, Math.abs(v - Number(b.data[i]))), 0);

describe("trainStep", () => {
  it("lowers the loss on a batch it sees again and again", async () => {
    const setup = micro();
    const { outputs } = await runSteps(
      setup,
      Array.from({ length: 30 }, (_, i) =>
        setup.data(
          createOptimizer({ kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 }).scalars(0.01, i + 1),
        ),
      ),
    );
    expect(outputs.at(-1)!.loss).toBeLessThan(outputs[0].loss * 0.7);
  });

  it("touches nothing when the loss is not a number", async () => {
    const setup = micro({ ema: true });
    const broken = setup.data({ "adamw.stepSize": 1 });
    for (const name of ["head.weight", "ema.head.weight"])
      setup.first.set(name, float32([3, 8], new Float32Array(24).fill(3e38)));
    const { outputs, after } = await runSteps(setup, [broken, broken]);
    expect(Number.isFinite(outputs[0].loss)).toBe(false);
    for (const [name, t] of setup.first) expect(after.get(name)!.data, name).toEqual(t.data);
  });

  it("moves by PyTorch's SGD with Nesterov momentum and decay", async () => {
    const optimizer = { kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 0.1 } as const;
    const setup = micro({ optimizer });
    const plain = micro({ optimizer: { ...optimizer, momentum: 0, nesterov: false, weightDecay: 0 } });
    const { after } = await runSteps(setup, [setup.data({ "sgd.lr": 0.5 })]);
    const { after: bare } = await runSteps(plain, [plain.data({ "sgd.lr": 0.5 })]);
    for (const { name, decay } of setup.model.parameters) {
      const [p, moved, b] = [setup.first.get(name)!, after.get(name)!, bare.get(name)!].map(
        (t) => t.data as Float32Array,
      );
      p.forEach((v, i) => {
        const g = (v - b[i]) / 0.5 + (decay ? 0.1 * v : 0); // first step: buffer = g, step = g + 0.9 g
        expect(moved[i]).toBeCloseTo(v - 0.5 * 1.9 * g, 5);
      });
    }
  });

  it("averages accumulated runs into the step of the whole batch", async () => {
    const whole = micro({ batch: 4 });
    const half = micro({ batch: 4, accumulate: 2 });
    const one = await runSteps(whole, [whole.data()]);
    const two = await runSteps(half, [half.data({ apply: 0 }), half.data({ apply: 1 })]); // the same batch twice: the same mean
    expect(largest(two.after.get("head.weight")!, one.after.get("head.weight")!)).toBeLessThan(1e-5);
    expect(two.outputs[1].gradientNorm).toBeCloseTo(one.outputs[0].gradientNorm, 4);
    expect([...two.after.get("accumulated.head.weight")!.data].every((v) => v === 0)).toBe(true);
  });

  it("does not move before the last accumulated run", async () => {
    const setup = micro({ accumulate: 2 });
    const { after } = await runSteps(setup, [setup.data({ apply: 0 })]);
    for (const { name } of setup.model.parameters) expect(after.get(name)!.data).toEqual(setup.first.get(name)!.data);
  });

  it("clips the norm of all gradients together", async () => {
    const optimizer = { kind: "sgd", momentum: 0, nesterov: false, weightDecay: 0 } as const;
    const clipped = micro({ optimizer, clipGradient: 0.01 });
    const { outputs, after } = await runSteps(clipped, [clipped.data({ "sgd.lr": 1 })]);
    expect(outputs[0].gradientNorm).toBeGreaterThan(0.01);
    let square = 0;
    for (const { name } of clipped.model.parameters) {
      const a = after.get(name)!.data as Float32Array;
      (clipped.first.get(name)!.data as Float32Array).forEach((v, i) => {
        square += (v - a[i]) ** 2;
      });
    }
    expect(Math.sqrt(square)).toBeCloseTo(0.01, 4);
  });
});

describe("train", () => {
  const settings: RecipeSettings = {
    model: "deit",
    imageSize: 16,
    patchSize: 4,
    width: 16,
    depth: 2,
    heads: 2,
    epochs: 2,
    batchSize: 16,
    lr: 0.01,
    scaleLr: false,
    warmupEpochs: 0,
    emaDecay: 0.5,
    dropout: 0.1,
  };
  const options = (output: string, more: Partial<TrainOptions> = {}): TrainOptions => ({
    recipe: parseRecipe(settings),
    engine,
    data: "procedural:16:64",
    validation: "procedural:16:32",
    output: join(folder, output),
    workers: 0,
    ...more,
  });

  it("leaves recipe, log, best and last weights that name their model", async () => {
    const result = await train(options("run"));
    expect(result.epochs).toHaveLength(2);
    const { tensors, metadata } = await readSafetensors(join(result.folder, "best.safetensors"));
    expect(tensors.size).toBe(result.model.parameters.length);
    expect(JSON.parse(metadata["deit.classes"])).toHaveLength(10);
    const lines = (await readFile(join(result.folder, "log.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l));
    expect(lines.map((l) => l.kind)).toEqual(["environment", "epoch", "epoch", "finished"]);
    expect(lines[2].test.images).toBe(32);
  });

  it("refuses to write over a run", async () => {
    await train(options("twice"));
    await expect(train(options("twice"))).rejects.toThrow("holds a run already");
  });

  it("continues to the very weights of a run that was not interrupted", async () => {
    const whole = await train(options("whole"));
    const controller = new AbortController();
    const first = await train(
      options("parts", {
        signal: controller.signal,
        onEvent: (e) => {
          if (e.kind === "epoch") controller.abort();
        },
      }),
    );
    expect(first.interrupted).toBe(true);
    const rest = await train(options("parts", { resume: true }));
    expect(rest.epochs.map((e) => e.epoch)).toEqual([2]);
    const a = await readSafetensors(join(whole.folder, "state.safetensors"));
    const b = await readSafetensors(join(rest.folder, "state.safetensors"));
    for (const [name, t] of a.tensors) expect(b.tensors.get(name)!.data, name).toEqual(t.data);
  });

  it("stops at a loss that is not a number, with the reason and the samples", async () => {
    const wild = { recipe: parseRecipe({ ...settings, lr: 1e30, emaDecay: 0, epochs: 5, optimizer: "sgd" }) };
    await expect(train(options("nan", wild))).rejects.toThrow(
      /became infinite or NaN at step \d+ .*; the weights were not updated\. Lower `lr`/,
    );
    const log = (await readFile(join(folder, "nan", "log.jsonl"), "utf8")).trim().split("\n");
    expect(JSON.parse(log.at(-2)!).samples).toHaveLength(16);
    expect(existsSync(join(folder, "nan", "recipe.json"))).toBe(true);
  });

  it("fine-tunes weights with another number of classes", async () => {
    const base = await train(options("base"));
    const tuned = await train(
      options("tuned", {
        finetune: join(base.folder, "best.safetensors"),
        recipe: parseRecipe({ ...settings, epochs: 1, imageSize: 32 }),
        data: "procedural:32:64",
        validation: "procedural:32:32",
      }),
    );
    expect(tuned.model.parameters.find((p) => p.name === "pos_embed")!.shape).toEqual([1, 65, 16]);
  });
});

describe("parseRecipe", () => {
  it("has the paper's defaults (table 9)", () => {
    expect(parseRecipe({})).toMatchObject({
      epochs: 300,
      batchSize: 1024,
      lr: 5e-4,
      weightDecay: 0.05,
      warmupEpochs: 5,
      labelSmoothing: 0.1,
      dropPath: 0.1,
      dropout: 0,
    });
  });
  it("names the nearest setting for a typo and says what is wrong with a value", () => {
    expect(() => parseRecipe({ batchsize: 3 })).toThrow('no setting "batchsize"; did you mean "batchSize"?');
    const wrong = (settings: object) => expect(() => parseRecipe(settings));
    wrong({ epochs: -1 }).toThrow('The setting "epochs" of the recipe is wrong: it is -1, and must be 0 or more.');
    wrong({ epochs: 1.5 }).toThrow("it is 1.5, and must be a whole number.");
    wrong({ lr: 0 }).toThrow('"lr" of the recipe is wrong: it is 0, and must be greater than 0.');
    wrong({ flip: 2 }).toThrow("it is 2, and must be 1 or less.");
    wrong({ flip: "often" }).toThrow('it is "often", and must be a number.');
    wrong({ betas: [0.9] }).toThrow('"betas" of the recipe is wrong: it is [0.9], and must be a list of 2 values.');
    wrong({ betas: [0.9, 2] }).toThrow('"betas.1" of the recipe is wrong: it is 2, and must be less than 1.');
    wrong({ nesterov: "yes" }).toThrow('it is "yes", and must be true or false.');
    expect(() => parseRecipe({ regnet: { slpe: 3 } })).toThrow(
      '"regnet" of the recipe has no "slpe"; did you mean "slope"?',
    );
  });
  it("names the nearest word for a value that is none", () => {
    expect(() => parseRecipe({ distillation: "hrad" })).toThrow(
      'it is "hrad", and can be none, soft, hard, labels; did you mean "hard"?',
    );
    expect(() => parseRecipe({ teacherNormalization: "imagnet" })).toThrow('did you mean "imagenet"?');
    expect(() => parseRecipe({ teacherNormalization: 3 })).toThrow('nor {"mean":[r,g,b],"std":[r,g,b]}');
  });
});
