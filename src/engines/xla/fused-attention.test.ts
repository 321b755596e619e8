import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import {
  attention,
  attentionWeights,
  evaluate,
  gradient,
  input,
  linear,
  mul,
  type Program,
  program,
  recomputed,
  reduceSum,
  reshape,
  type Shape,
  simplify,
  sizeOf,
  slice,
  split,
  type Tensor,
  topologicalOrder,
  transpose,
} from "../../tensor/index.js";
import { withFusedAttention } from "./fused-attention.js";
import { Mesh } from "./mesh.js";
import { withBfloat16Products } from "./mixed-precision.js";
import { stablehloText } from "./stablehlo.js";

const target = { engine: "stablehlo", platform: "cuda" } as const;

function textOf(p: Program): string {
  const policy = withBfloat16Products(simplify(withFusedAttention(p, target), target));
  return stablehloText(simplify(policy, target), { mesh: new Mesh({ devices: 1 }) });
}

const byHead = (t: Tensor) => transpose(t, [0, 2, 1, 3]);

/** Attention of tensors `[batch, tokens, heads, head width]`, and with `trained` its gradients for the cotangent `g`. */
function attending(shape: Shape, trained: boolean): Program {
  const [q, k, v, g] = ["q", "k", "v", "g"].map((name) => input(name, "float32", shape));
  const output = byHead(attention(byHead(q), byHead(k), byHead(v)));
  if (!trained) return program({ name: "attending", outputs: { output } });
  const [dq, dk, dv] = gradient(reduceSum(mul(output, g)), [q, k, v]);
  return program({ name: "attending", outputs: { output, dq, dk, dv } });
}

/** A custom call as the fixture has it. */
interface Call {
  readonly target: string;
  readonly operands: readonly string[];
  readonly version: string;
  readonly config: unknown;
  readonly layouts: string;
  readonly types: string;
}

/** The custom calls of a module of `attending`. */
function callsIn(text: string): Call[] {
  const names = [...text.matchAll(/^.*?%arg(\d+): tensor<\d+x/gm)].map(([, i]) => `%arg${i}`);
  const inputs = new Map(names.map((name, i) => [name, "qkvg"[i]]));
  // What a value is made from; the cotangent of the sum is `g` times one.
  const made = /^ {2}(%\d+) = stablehlo\.(?:(?:convert|transpose|reshape) (%[\w#]+)|multiply.*(%arg\d+))/gm;
  const sources = new Map([...text.matchAll(made)].map(([, to, from, factor]) => [to, from ?? factor]));
  const origin = (name: string): string => {
    const source = sources.get(name);
    if (source) return origin(source);
    return inputs.get(name) ?? (name.endsWith("#1") ? "statistics" : "output");
  };
  const pattern = /stablehlo\.custom_call @(\S+?)\((.*?)\) \{(.*), backend_config = "(.*?)", (.*)\} : (.*)$/gm;
  return [...text.matchAll(pattern)].map(([, name, operands, version, config, layouts, types]) => ({
    target: name,
    operands: operands.split(", ").map(origin),
    version,
    config: JSON.parse(config.replaceAll("\\22", '"')),
    layouts,
    types,
  }));
}

const file = new URL("../../../tests/fixtures/attention/cudnn.json.gz", import.meta.url);
const reference = JSON.parse(gunzipSync(readFileSync(file)).toString()) as {
  readonly cases: readonly { readonly shape: Shape; readonly forward: Call[]; readonly trained: Call[] }[];
};

it.each(reference.cases)("writes the calls that JAX writes, for $shape", ({ shape, forward, trained }) => {
  expect(callsIn(textOf(attending(shape, false)))).toEqual(forward);
  expect(callsIn(textOf(attending(shape, true)))).toEqual(trained);
});

it("keeps the meaning of the forward and of the backward pass", () => {
  const plain = attending([2, 5, 3, 8], true);
  const values = (p: Program) =>
    evaluate(
      p.outputs.map((o) => o.tensor),
      new Map(
        p.inputs.map(({ name, shape }, k) => [
          name,
          Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1 + i * 1.7 + k * 0.37)),
        ]),
      ),
    );
  const fused = withFusedAttention(plain, target);
  expect(primitivesOf(fused)).toEqual(expect.arrayContaining(["cudnnAttention", "cudnnAttentionGradient"]));
  const [expected, got] = [values(plain), values(fused)];
  expected.forEach((list, i) => {
    // The evaluator keeps doubles, so that a difference is a mistake, not rounding.
    list.forEach((v, k) => {
      expect(Math.abs(got[i][k] - v)).toBeLessThan(1e-12);
    });
  });
});

const primitivesOf = (p: Program) => topologicalOrder(p.outputs.map((o) => o.tensor)).map((n) => n.primitive.name);

/** A layer of self-attention on tokens `[batch, tokens, heads · head width]`, of the first `queries` tokens to all. */
function layer(shape: Shape, queries: number): Readonly<Record<"x" | "q" | "k" | "output", Tensor>> {
  const [batch, tokens, heads, width] = shape;
  const x = input("x", "float32", [batch, tokens, heads * width]);
  const parameter = (name: string, rows: number) => input(name, "float32", [rows, heads * width]);
  const qkv = linear(x, parameter("qkv", 3 * heads * width), input("bias", "float32", [3 * heads * width]));
  const [all, k, v] = split(qkv, 3, 2).map((t) => byHead(reshape(t, [batch, tokens, heads, width])));
  const q = slice(all, 2, 0, queries);
  const out = reshape(byHead(attention(q, k, v)), [batch, queries, heads * width]);
  const projected = linear(out, parameter("proj", heads * width), input("projBias", "float32", [heads * width]));
  return { x, q, k, output: projected };
}

it("writes no weights of attention, and moves no head, in a step", () => {
  const { x, output } = layer([2, 9, 3, 64], 9);
  const [slope] = gradient(reduceSum(mul(output, output)), [x]);
  const step = program({ name: "step", outputs: { output, slope } });
  const text = textOf(step);
  expect(text).not.toMatch(/tensor<2x3x9x9x/);
  // Only those that follow a call, whose results lie in memory in that order already.
  const moved = [...text.matchAll(/stablehlo\.transpose (%[\w#]+), dims = \[0, 2, 1, 3\]/g)].map(([, name]) => name);
  expect(moved.every((name) => name.includes("#"))).toBe(true);
  expect(moved).toHaveLength(4);
});

it("is used within blocks that the backward pass computes again", () => {
  const x = input("x", "float32", [2, 9, 3, 64]);
  const output = recomputed("block", x, (t) => attention(byHead(t), byHead(t), byHead(t)));
  const [slope] = gradient(reduceSum(mul(output, output)), [x]);
  const text = textOf(program({ name: "step", outputs: { output, slope } }));
  expect(text).not.toMatch(/9x9x/);
  // The forward pass, once more to keep its statistics, and the backward pass.
  expect([...text.matchAll(/custom_call @(\S+?)\(/g)].map(([, name]) => name)).toEqual([
    "__cudnn$fmhaSoftmax",
    "__cudnn$fmhaSoftmax",
    "__cudnn$fmhaSoftmaxBackward",
  ]);
});

it("leaves attention as products where cuDNN has no kernel, where it is small, and where its weights are shown", () => {
  const forward = (shape: Shape, queries = shape[1]) =>
    primitivesOf(withFusedAttention(program({ name: "layer", outputs: { y: layer(shape, queries).output } }), target));
  expect(forward([2, 9, 3, 64])).toContain("cudnnAttentionOnly");
  expect(forward([2, 9, 3, 60])).not.toContain("cudnnAttentionOnly");
  expect(forward([2, 9, 1, 136])).not.toContain("cudnnAttentionOnly");
  expect(forward([2, 9, 3, 64], 1)).not.toContain("cudnnAttentionOnly");
  const { q, k, output } = layer([2, 9, 3, 64], 9);
  const shown = program({ name: "shown", outputs: { output, weights: attentionWeights(q, k) } });
  expect(withFusedAttention(shown, target)).toBe(shown);
});
