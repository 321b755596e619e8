/** Every way to distil, on every engine: loss and size of the gradients of a whole step, against the reference evaluator. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { createXlaEngine } from "../../src/engines/xla/engine.js";
import { initialize, initializeParameter } from "../../src/models/initialize.js";
import { createModel } from "../../src/models/registry.js";
import { evaluate, type HostTensor, hostTensor, zeros } from "../../src/tensor/index.js";
import type { Distillation } from "../../src/training/step/distillation/index.js";
import { featureWeightInput } from "../../src/training/step/imitation.js";
import { createOptimizer } from "../../src/training/step/optimizers/index.js";
import { type StepOptions, stepInputs, trainStep } from "../../src/training/step/step.js";
import { prefixOf, teacherPrefix } from "../../src/training/step/taught.js";
import { describeWithXla } from "../setup/xla.js";

const batch = 4;
const size = 16;
const student = createModel("deit", {
  ...{ imageSize: size, patchSize: 4, width: 8, depth: 2, heads: 2, classes: 3, distilled: true },
});
const teacher = createModel("regnety", {
  ...{ imageSize: size, classes: 3, depth: 4, initialWidth: 8, slope: 4, factor: 2, groupWidth: 8, stemStride: 1 },
});
const optimizer = { kind: "sgd", momentum: 0, nesterov: false, weightDecay: 0 } as const;
const features = [{ student: "blocks.0", teacher: "s2", grid: [2, 2], channels: 16 }] as const;
const on = "distillation" as const;
const decoupled = { kind: "decoupled", alpha: 2, task: 0.5, tau: 3, target: 1, others: 4, on } as const;

const two = [
  { source: teacher, share: 0.75, imitated: true },
  { source: "logits", share: 0.25 },
] as const;

const ways: readonly (readonly [name: string, options: Partial<StepOptions> & { distillation: Distillation }])[] = [
  ["decoupled, stored answers", { distillation: decoupled, teacher: "logits" }],
  ["normalized", { distillation: { ...decoupled, kind: "normalized" }, teacher }],
  [
    "hard, decisions weighed late",
    {
      ...{ distillation: { kind: "hard", alpha: 0.5, on }, teacher: "labels" },
      distillationWeights: { each: [0.5, 3, 2], deferred: true },
    },
  ],
  ["decoupled with features, teacher in the step", { distillation: decoupled, teacher, features }],
  ["the mean of two teachers, one in the step", { distillation: decoupled, teacher: two, features }],
  ["hard with features, stored", { distillation: { kind: "hard", alpha: 0.5, on }, teacher: "labels", features }],
  [
    "several layers, teacher in the step",
    {
      distillation: decoupled,
      teacher,
      features: [...features, { ...features[0], student: "norm", grid: [1, 1] as const }],
    },
  ],
  [
    "several layers, stored",
    {
      ...{ distillation: { kind: "hard", alpha: 0.5, on }, teacher: "labels" },
      features: [...features, { ...features[0], student: "norm", grid: [1, 1] as const }],
    },
  ],
  [
    "features alone, of the last layer",
    { distillation: { kind: "none" }, teacher, features: [{ ...features[0], student: "norm" }] },
  ],
];

const wave = (count: number, frequency: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * frequency));

function setUp(options: (typeof ways)[number][1]) {
  const step = trainStep(student, { batch, optimizer, ...options });
  const drawn = new Map([
    ...initialize(student, 1),
    ...[teacherPrefix, prefixOf(0)].flatMap((prefix) =>
      [...initialize(teacher, 2)].map(([name, t]): [string, HostTensor] => [prefix + name, t]),
    ),
    ...step.own.map((spec) => [spec.name, initializeParameter(spec, 3)] as const),
  ]);
  const state = new Map(
    [...step.state, ...step.frozen].map(([name, shape]) => [name, drawn.get(name) ?? zeros("float32", shape)]),
  );
  const scalars: Readonly<Record<string, number>> = {
    ...createOptimizer(optimizer).scalars(0.1, 1),
    [stepInputs.featureWeight]: 2.5,
    [featureWeightInput(1)]: 0.5,
    [stepInputs.classWeights]: 1,
  };
  const data = new Map<string, HostTensor>(
    step.program.inputs.flatMap(({ name, shape, role, dtype }): [string, HostTensor][] => {
      if (role === "state") return [];
      const count = shape.reduce((a, b) => a * b, 1);
      if (name in scalars) return [[name, hostTensor("float32", shape, Float32Array.of(scalars[name]))]];
      if (dtype === "uint8")
        return [
          [
            name,
            hostTensor(
              "uint8",
              shape,
              Uint8Array.from({ length: count }, (_, i) => (i * 37) % 256),
            ),
          ],
        ];
      if (dtype === "int32")
        return [
          [
            name,
            hostTensor(
              "int32",
              shape,
              Int32Array.from({ length: count }, (_, i) => i % 3),
            ),
          ],
        ];
      return [[name, hostTensor("float32", shape, wave(count, 0.7))]];
    }),
  );
  return { step, state, data };
}

function describeOn(
  name: string,
  create: () => Promise<Engine>,
  {
    suite = describe.skipIf(false),
    only = () => true,
  }: { suite?: ReturnType<typeof describe.skipIf>; only?: (way: string) => boolean } = {},
): void {
  suite(`distillation on ${name}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await create();
    });
    afterAll(() => engine?.close());

    it.each(ways.filter(([way]) => only(way)))("%s", async (_, options) => {
      const { step, state, data } = setUp(options);
      const executable = await engine.compile(step.program);
      const held = await engine.createState(state);
      const results = await executable.run(held, data);
      const values = new Map([...state, ...data].map(([n, t]) => [n, t.data as Float32Array]));
      for (const output of step.program.outputs.filter((o) => ["loss", "gradientNorm"].includes(o.name))) {
        const [expected] = evaluate([output.tensor], values);
        expect(expected[0]).toBeGreaterThan(0.01);
        expect(Math.abs(Number(results.get(output.name)!.data[0]) / expected[0] - 1), output.name).toBeLessThan(1e-4);
      }
      await held.dispose();
      await executable.dispose();
    });
  });
}

describeOn("ONNX Runtime", () => createOnnxEngine({ threads: 1 }));
// Compiling a step takes XLA seconds, so it does those that have no part in common.
describeOn("XLA", () => createXlaEngine({ plugin: "cpu", cache: false }), {
  suite: describeWithXla,
  only: (way) => ["normalized", "hard with features, stored", "hard, decisions weighed late"].includes(way),
});
describeOn("two devices of XLA", () => createXlaEngine({ plugin: "cpu", devices: 2, cache: false }), {
  suite: describeWithXla,
  only: (way) =>
    ["decoupled with features, teacher in the step", "the mean of two teachers, one in the step"].includes(way),
});
