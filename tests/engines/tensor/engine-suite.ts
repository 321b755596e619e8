/** The same cases on an engine, against the reference evaluator: forward and gradient. For every engine there is. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engines/engine.js";
import {
  add,
  evaluate,
  float32,
  gradient,
  hostTensor,
  input,
  matmul,
  mul,
  program,
  randomUniform,
  reduceSum,
  relu,
  type Tensor,
} from "../../../src/tensor/index.js";
import { cases, shapes } from "./cases.js";
import { largestDifference, prepare, weightedSum } from "./inputs.js";

/** float32 keeps 24 bits (6e-8); sums of a few dozen terms and approximated functions lose up to four bits more. */
const tolerance = 5e-6;

export function describeEngine(name: string, create: () => Promise<Engine>, suite = describe.skipIf(false)): void {
  suite(`engine ${name}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await create();
    });
    afterAll(() => engine?.close());

    const run = async (outputs: Readonly<Record<string, Tensor>>, values: ReadonlyMap<string, Float64Array>) => {
      const built = program({ name: "test", outputs });
      const executable = await engine.compile(built);
      const state = await engine.createState(new Map());
      const data = new Map(built.inputs.map((i) => [i.name, float32(i.shape, values.get(i.name)!)]));
      const results = await executable.run(state, data);
      await state.dispose();
      await executable.dispose();
      return results;
    };

    it.each(cases)("$name", async (testCase) => {
      await fc.assert(
        fc.asyncProperty(shapes(testCase.rank), fc.integer({ min: 0, max: 1e6 }), async (shape, seed) => {
          const { tensors, output, values } = prepare(testCase, shape, seed);
          const outputs: Record<string, Tensor> = { output };
          if (!testCase.constant) {
            const slopes = gradient(weightedSum(output), Object.values(tensors));
            Object.keys(tensors).forEach((n, i) => {
              outputs[`gradient of ${n}`] = slopes[i];
            });
          }
          const results = await run(outputs, values);
          const expected = evaluate(Object.values(outputs), values);
          Object.keys(outputs).forEach((n, i) => {
            const ours = results.get(n)!;
            expect(ours.shape).toEqual([...outputs[n].shape]);
            expect(largestDifference(ours.data as Float32Array, expected[i]), n).toBeLessThan(tolerance);
          });
        }),
        { numRuns: 4, seed: 2 },
      );
    });

    it("passes ReLU's cotangent on for all numbers above 0, however small or large", async () => {
      const x = input("x", "float32", [8]);
      const [slope] = gradient(reduceSum(mul(relu(x), input("g", "float32", [8]))), [x]);
      // The smallest number with all its digits, and the largest.
      const [least, most] = [2 ** -126, 3.4028234663852886e38];
      const values = new Map([
        ["x", Float64Array.from([least, -least, most, -most, 0, -0, Infinity, -Infinity])],
        ["g", Float64Array.from([1, 2, 3, 4, 5, 6, 7, 8])],
      ]);
      expect([...((await run({ slope }, values)).get("slope")!.data as Float32Array)].map(Math.abs)).toEqual([
        ...[1, 0, 3, 0, 0, 0, 7, 0],
      ]);
    });

    it("draws the random numbers of the reference", async () => {
      const seed = input("seed", "int32", [2]);
      const uniform = randomUniform(seed, 3, [5, 7]);
      const executable = await engine.compile(program({ name: "random", outputs: { uniform } }));
      const state = await engine.createState(new Map());
      for (const pair of [
        [0, 0],
        [-5, 123456789],
        [2147483647, -2147483648],
      ]) {
        const results = await executable.run(
          state,
          new Map([["seed", hostTensor("int32", [2], Int32Array.from(pair))]]),
        );
        const [expected] = evaluate([uniform], new Map([["seed", pair]]));
        expect([...(results.get("uniform")!.data as Float32Array)]).toEqual([...expected]);
      }
    });

    it("keeps state on the device and updates it", async () => {
      const x = input("x", "float32", [2]);
      const y = input("y", "float32", [2]);
      // x feeds the new y and y the new x: neither may be overwritten before both are read.
      const swap = program({
        name: "swap",
        outputs: { sum: add(x, y) },
        updates: new Map([
          ["x", y],
          ["y", add(x, y)],
        ]),
        state: ["x", "y"],
      });
      const executable = await engine.compile(swap);
      const state = await engine.createState(
        new Map([
          ["x", float32([2], [1, 10])],
          ["y", float32([2], [2, 20])],
        ]),
      );
      const sums: number[][] = [];
      for (let i = 0; i < 3; i++)
        sums.push([...((await executable.run(state, new Map())).get("sum")!.data as Float32Array)]);
      expect(sums).toEqual([
        [3, 30],
        [5, 50],
        [8, 80],
      ]);
      const final = await state.read();
      expect([...(final.get("x")!.data as Float32Array)]).toEqual([5, 50]);
      expect([...(final.get("y")!.data as Float32Array)]).toEqual([8, 80]);
    });

    it("keeps apart two names that came with the same memory", async () => {
      const shared = float32([1], [1]);
      const a = input("a", "float32", [1]);
      const executable = await engine.compile(
        program({ name: "grow", outputs: {}, updates: new Map([["a", add(a, a)]]), state: ["a", "b"] }),
      );
      const state = await engine.createState(
        new Map([
          ["a", shared],
          ["b", shared],
        ]),
      );
      await executable.run(state, new Map());
      expect((await state.read(["b"])).get("b")!.data[0]).toBe(1);
      expect((await state.read(["a"])).get("a")!.data[0]).toBe(2);
    });

    it("answers in order, and leaves the event loop free", async () => {
      const x = input("x", "float32", [256, 256]);
      let y: Tensor = x;
      for (let i = 0; i < 40; i++) y = matmul(y, x);
      const executable = await engine.compile(program({ name: "busy", outputs: { y } }));
      const state = await engine.createState(new Map());
      const data = new Map([["x", float32([256, 256], new Float32Array(65536).fill(0.001))]]);
      let ticks = 0;
      const timer = setInterval(() => ticks++, 1);
      await Promise.all(Array.from({ length: 5 }, () => executable.run(state, data)));
      clearInterval(timer);
      expect(ticks).toBeGreaterThan(0);
    });

    it("says what is missing or does not fit", async () => {
      const executable = await engine.compile(program({ name: "needy", outputs: { y: input("x", "float32", [2]) } }));
      const state = await engine.createState(new Map());
      await expect(executable.run(state, new Map())).rejects.toThrow('needs the input "x" (float32 [2])');
      await expect(executable.run(state, new Map([["x", float32([3], [1, 2, 3])]]))).rejects.toThrow("got float32 [3]");
    });
  });
}
