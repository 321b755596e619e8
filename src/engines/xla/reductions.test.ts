import fc from "fast-check";
import { expect, it } from "vitest";
import { dot, evaluate, input, program, sizeOf, topologicalOrder } from "../../tensor/index.js";
import { withReductions } from "./reductions.js";

const permutation = (n: number) =>
  fc.shuffledSubarray(
    Array.from({ length: n }, (_, i) => i),
    { minLength: n, maxLength: n },
  );

it("sums what a product with a vector sums, for any layout and either side", () => {
  fc.assert(
    fc.property(permutation(4), permutation(3), fc.boolean(), fc.integer({ min: 1, max: 3 }), (m, v, first, stack) => {
      // Axes by meaning: 0 the stack, 1 and 2 contracted, 3 of the matrix alone; the vector has one of size 1 there at most.
      const sizes = [stack, 3, 2, 4];
      const shapes = [m.map((axis) => sizes[axis]), v.map((axis) => sizes[axis])];
      const [matrix, vector] = shapes.map((shape, i) => input(i === 0 ? "matrix" : "vector", "float32", shape));
      const order = <T>(left: T, right: T): readonly [T, T] => (first ? [right, left] : [left, right]);
      const at = (axis: number) => order([m.indexOf(axis)], [v.indexOf(axis)]);
      const [contractA, contractB] = order(
        [1, 2].map((axis) => m.indexOf(axis)),
        [1, 2].map((axis) => v.indexOf(axis)),
      );
      const [a, b] = order(matrix, vector);
      const product = dot(a, b, { batch: at(0), contract: [contractA, contractB], alpha: 0.5 });
      const plain = program({ name: "product", outputs: { product } });
      const sums = withReductions(plain);
      expect(topologicalOrder([sums.outputs[0].tensor]).map((n) => n.primitive.name)).not.toContain("dot");
      expect(sums.outputs[0].tensor.shape).toEqual(product.shape);
      const values = new Map(
        [matrix, vector].map((t, k) => [
          k === 0 ? "matrix" : "vector",
          Float64Array.from({ length: sizeOf(t.shape) }, (_, i) => Math.sin(1 + i * 1.7 + k * 0.37)),
        ]),
      );
      const [expected, got] = [plain, sums].map((p) => evaluate([p.outputs[0].tensor], values)[0]);
      // Sums of six doubles in another order.
      expected.forEach((x, i) => {
        expect(Math.abs(got[i] - x)).toBeLessThan(1e-14);
      });
    }),
    { numRuns: 100 },
  );
});

it("sums columns that a row of one axis is multiplied with, and leaves products of matrices alone", () => {
  const ones = input("ones", "float32", [1, 5]);
  const x = input("x", "float32", [5, 3]);
  const sums = withReductions(program({ name: "sums", outputs: { y: dot(ones, x, { contract: [[1], [0]] }) } }));
  expect(sums.outputs[0].tensor.shape).toEqual([1, 3]);
  expect(topologicalOrder([sums.outputs[0].tensor]).map((n) => n.primitive.name)).toContain("reduceSum");
  const matrices = program({ name: "matrices", outputs: { y: dot(x, x, { contract: [[0], [0]] }) } });
  expect(withReductions(matrices).outputs[0].tensor).toBe(matrices.outputs[0].tensor);
});
