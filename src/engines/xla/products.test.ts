import fc from "fast-check";
import { expect, it } from "vitest";
import {
  attention,
  barrier,
  cast,
  dot,
  dotAxes,
  evaluate,
  gelu,
  gradient,
  input,
  linear,
  mean,
  mul,
  type Program,
  program,
  simplify,
  sizeOf,
  type Tensor,
  topologicalOrder,
} from "../../tensor/index.js";
import { withBfloat16Products, withoutMarks } from "./mixed-precision.js";
import { isMatrixProduct, withRowProducts } from "./products.js";

const target = { engine: "stablehlo", platform: "cpu" } as const;
const nodesOf = (p: Program) => topologicalOrder(p.outputs.map((o) => o.tensor));

/** The values of all outputs on fixed, distinct numbers. */
function values(p: Program): number[][] {
  const given = p.inputs.map(({ name, shape }, k): [string, Float64Array] => [
    name,
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1 + i * 1.7 + k * 0.37)),
  ]);
  return evaluate(
    p.outputs.map((o) => o.tensor),
    new Map(given),
  ).map((v) => [...v]);
}

const close = (a: number[][], b: number[][]) =>
  a.forEach((list, i) => {
    expect(b[i].length).toBe(list.length);
    // Sums in a different order: some units in the last place of doubles.
    list.forEach((v, k) => {
      expect(Math.abs(b[i][k] - v)).toBeLessThan(1e-9 * (1 + Math.abs(v)));
    });
  });

const permutation = (n: number) =>
  fc.shuffledSubarray(
    Array.from({ length: n }, (_, i) => i),
    { minLength: n, maxLength: n },
  );

it("gives the same values for any layout of the operands", () => {
  const sizes = fc.record({ batch: fc.integer({ min: 2, max: 3 }), k: fc.integer({ min: 2, max: 4 }) });
  fc.assert(
    fc.property(sizes, permutation(4), permutation(3), fc.boolean(), ({ batch, k }, left, right, narrow) => {
      // Axes by meaning: 0 the batch, 1 contracted, 2 and 3 free.
      const shape = (axes: readonly number[], free: readonly number[]) => axes.map((axis) => [batch, k, ...free][axis]);
      const wide = [input("a", "float32", shape(left, [3, 2])), input("b", "float32", shape(right, [5]))];
      const [a, b] = narrow ? wide.map((t) => cast(t, "bfloat16")) : wide;
      const product = dot(a, b, {
        batch: [[left.indexOf(0)], [right.indexOf(0)]],
        contract: [[left.indexOf(1)], [right.indexOf(1)]],
        alpha: 0.5,
        output: "float32",
      });
      const plain = program({ name: "product", outputs: { product } });
      const rows = withRowProducts(plain);
      expect(rows.outputs[0].tensor.shape).toEqual(product.shape);
      close(values(plain), values(rows));
      expect(nodesOf(rows).filter(isMatrixProduct).every(contractsLast)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

function contractsLast(node: Parameters<typeof dotAxes>[0]): boolean {
  const { contract } = dotAxes(node)!;
  const rank = node.inputs[0].shape.length;
  return contract[0].every((axis, i) => axis === rank - contract[0].length + i);
}

/** The parts of a block that the policy handles: a product, GELU, attention, and the backward pass through them. */
function block(): Program {
  const x = input("x", "float32", [2, 3, 8]);
  const weight = input("weight", "float32", [16, 8]);
  const bias = input("bias", "float32", [16]);
  const heads = ["q", "k", "v"].map((name) => input(name, "float32", [2, 2, 3, 4]));
  const hidden = gelu(linear(x, weight, bias));
  const attended = attention(heads[0], heads[1], heads[2]);
  const loss = mul(mean(mul(hidden, hidden)), mean(mul(attended, attended)));
  const [dWeight, dBias, dq, dk, dv] = gradient(loss, [weight, bias, ...heads]);
  return program({ name: "block", outputs: { loss, dWeight, dBias, dq, dk, dv } });
}

it("does not change the meaning of a step, in either precision", () => {
  const plain = simplify(block(), target);
  const exact = values(plain);
  for (const policy of [withoutMarks, withBfloat16Products]) {
    // The evaluator keeps all floats as doubles, so differences would be mistakes, not rounding.
    close(exact, values(simplify(withRowProducts(policy(plain)), target)));
  }
});

it("feeds every product bfloat16, accumulates in float32, and saves values for the backward pass in bfloat16", () => {
  const nodes = nodesOf(withBfloat16Products(simplify(block(), target)));
  const products = nodes.filter(isMatrixProduct);
  expect(products.length).toBeGreaterThan(7);
  for (const { inputs, outputs } of products) {
    expect(inputs.map((t) => t.dtype)).toEqual(["bfloat16", "bfloat16"]);
    expect(outputs[0].dtype).toBe("float32");
  }
  const kept = nodes.filter((n) => n.primitive.name === "barrier" && n.outputs[0].dtype === "bfloat16");
  // GELU's input, queries, keys, values and the attention weights.
  expect(kept.map((n) => n.outputs[0].shape)).toEqual(
    expect.arrayContaining([
      [2, 3, 16],
      [2, 2, 3, 4],
      [2, 2, 3, 3],
    ]),
  );
  expect(nodes.some((n) => n.primitive.name === "saved")).toBe(false);
  const sums = nodes.filter((n) => n.primitive.name === "reduceSum");
  expect(sums.every((n) => n.inputs[0].dtype === "float32")).toBe(true);
});

it("recomputes GELU's error function in the backward pass", () => {
  const erfs = (p: Program) => nodesOf(p).filter((n) => n.primitive.name === "erf").length;
  expect(erfs(simplify(block(), target))).toBe(2);
  const x: Tensor = input("x", "float32", [2]);
  // ONNX Runtime has one kernel for the forward pass and merges nothing, so the barrier disappears.
  const through = program({ name: "through", outputs: { y: mul(barrier(x), 2) } });
  expect(nodesOf(simplify(through, { engine: "onnx", platform: "cpu" })).map((n) => n.primitive.name)).not.toContain(
    "barrier",
  );
});
