/**
 * One case per primitive and composed function: how to build it on random shapes, and what it means in plain numbers,
 * written without the code under test. Used on the reference evaluator and on every engine.
 */
import * as t from "../../../src/tensor/index.js";
import { type Case, shapes } from "./case.js";
import { channelCases } from "./channel-cases.js";
import { elementwiseCases } from "./elementwise-cases.js";
import { rowCases } from "./row-cases.js";

export { type Case, shapes };

const rows = (x: Float64Array, width: number, f: (row: Float64Array) => ArrayLike<number>): number[] =>
  Array.from({ length: x.length / width }, (_, i) => [...Array.from(f(x.subarray(i * width, (i + 1) * width)))]).flat();

const last = (shape: readonly number[]) => shape[shape.length - 1];
const softmaxRow = (row: Float64Array) => {
  const e = row.map((v) => Math.exp(v));
  const total = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / total);
};

export const cases: readonly Case[] = [
  ...elementwiseCases,
  ...channelCases,
  {
    name: "stopGradient",
    constant: true,
    build: (shape) => ({ inputs: { x: shape }, output: ({ x }) => t.stopGradient(x), expected: ({ x }) => x }),
  },
  {
    name: "barrier",
    build: (shape) => ({ inputs: { x: shape }, output: ({ x }) => t.barrier(x), expected: ({ x }) => x }),
  },
  {
    name: "saved",
    build: (shape) => ({ inputs: { x: shape }, output: ({ x }) => t.saved(x), expected: ({ x }) => x }),
  },
  {
    name: "recomputed",
    build: (shape) => ({
      inputs: { x: shape, w: [last(shape)] },
      output: ({ x, w }) => {
        const part = (y: t.Tensor) => t.mul(t.tanh(t.mul(y, t.broadcast(w, y.shape))), y);
        return t.recomputed("second", t.recomputed("first", x, part), part);
      },
      expected: ({ x, w }) => {
        const part = (v: number, i: number) => Math.tanh(v * w[i % last(shape)]) * v;
        return Array.from(x, part).map(part);
      },
    }),
  },
  {
    name: "reshape",
    build: (shape) => ({ inputs: { x: shape }, output: ({ x }) => t.reshape(x, [-1, 1]), expected: ({ x }) => x }),
  },
  {
    name: "transpose",
    build: (shape) => ({
      inputs: { x: [2, ...shape] },
      output: ({ x }) => t.transpose(x, [...shape.map((_, i) => i + 1), 0]),
      expected: ({ x }) => {
        const n = x.length / 2;
        return Float64Array.from({ length: x.length }, (_, i) => x[(i % 2) * n + Math.floor(i / 2)]);
      },
    }),
  },
  {
    name: "broadcast",
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.broadcast(x, [3, ...shape]),
      expected: ({ x }) => [...x, ...x, ...x],
    }),
  },
  {
    name: "scalar times a shape that ends in ones",
    build: (shape) => ({
      inputs: { x: [...shape, 1, 1], s: [] },
      output: ({ x, s }) => t.mul(t.mul(x, s), s),
      expected: ({ x, s }) => x.map((v) => v * s[0] * s[0]),
    }),
  },
  {
    name: "reduceSum, last axis",
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.reduceSum(x, [-1]),
      expected: ({ x }) => rows(x, last(shape), (r) => [r.reduce((a, b) => a + b, 0)]),
    }),
  },
  {
    name: "reduceSum, first axis",
    build: (shape) => ({
      inputs: { x: [3, ...shape] },
      output: ({ x }) => t.reduceSum(x, [0]),
      expected: ({ x }) =>
        Float64Array.from({ length: x.length / 3 }, (_, i) => x[i] + x[i + x.length / 3] + x[i + (2 * x.length) / 3]),
    }),
  },
  {
    name: "mean of all",
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.mean(x),
      expected: ({ x }) => [x.reduce((a, b) => a + b, 0) / x.length],
    }),
  },
  {
    name: "reduceMax",
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.reduceMax(x, [-1]),
      expected: ({ x }) => rows(x, last(shape), (r) => [Math.max(...r)]),
    }),
  },
  {
    name: "argmax",
    constant: true,
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.cast(t.argmax(x, -1), "float32"),
      expected: ({ x }) => rows(x, last(shape), (r) => [r.indexOf(Math.max(...r))]),
    }),
  },
  {
    name: "iota and oneHot",
    constant: true,
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) =>
        t.mul(t.oneHot(t.iota("int32", [last(shape)], 0), last(shape)), t.add(t.mul(t.reduceSum(x), 0), 1)),
      expected: () => Float64Array.from({ length: last(shape) ** 2 }, (_, i) => (i % (last(shape) + 1) === 0 ? 1 : 0)),
    }),
  },
  {
    name: "slice",
    build: (shape) => ({
      inputs: { x: [5, ...shape] },
      output: ({ x }) => t.slice(x, 0, 1, 3),
      expected: ({ x }) => x.subarray(x.length / 5, (3 * x.length) / 5),
    }),
  },
  {
    name: "take",
    build: (shape) => ({
      inputs: { x: [5, ...shape] },
      output: ({ x }) => t.take(x, 0, -2),
      expected: ({ x }) => x.subarray((3 * x.length) / 5, (4 * x.length) / 5),
    }),
  },
  {
    name: "pad",
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.pad(x, [2, ...shape.slice(1).map(() => 0)], [1, ...shape.slice(1).map(() => 0)]),
      expected: ({ x }) => {
        const inner = x.length / shape[0];
        return [...new Array(2 * inner).fill(0), ...x, ...new Array(inner).fill(0)];
      },
    }),
  },
  {
    name: "concat",
    build: (shape) => ({
      inputs: { a: shape, b: shape },
      output: ({ a, b }) => t.concat([a, b, a], 0),
      expected: ({ a, b }) => [...a, ...b, ...a],
    }),
  },
  {
    name: "split",
    build: (shape) => ({
      inputs: { x: [6, ...shape] },
      output: ({ x }) => {
        const [a, b, c] = t.split(x, 3, 0);
        return t.sub(t.mul(a, c), b);
      },
      expected: ({ x }) => {
        const n = x.length / 3;
        return Float64Array.from({ length: n }, (_, i) => x[i] * x[i + 2 * n] - x[i + n]);
      },
    }),
  },
  {
    name: "reverse",
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.reverse(x, -1),
      expected: ({ x }) => rows(x, last(shape), (r) => r.toReversed()),
    }),
  },
  ...rowCases,
  {
    name: "matmul",
    build: (shape) => ({
      inputs: { a: [...shape, 3], b: [3, 2] },
      output: ({ a, b }) => t.matmul(a, b, 0.5),
      expected: ({ a, b }) =>
        rows(a, 3, (r) => [0, 1].map((j) => 0.5 * (r[0] * b[j] + r[1] * b[2 + j] + r[2] * b[4 + j]))),
    }),
  },
  {
    name: "dot over two axes in another order, with a batch axis in the middle",
    rank: [1, 1],
    build: ([n]) => ({
      inputs: { a: [2, n, 3, 2], b: [3, 2, n, 2] },
      // Batch: axis 1 of a, axis 2 of b. Contracted: a's 2 and 0 with b's 0 and 3.
      output: ({ a, b }) =>
        t.dot(a, b, {
          batch: [[1], [2]],
          contract: [
            [2, 0],
            [0, 3],
          ],
        }),
      expected: ({ a, b }) => {
        const out: number[] = [];
        for (let p = 0; p < n; p++)
          for (let i = 0; i < 2; i++)
            for (let j = 0; j < 2; j++) {
              let sum = 0;
              for (let k = 0; k < 3; k++)
                for (let l = 0; l < 2; l++) sum += a[((l * n + p) * 3 + k) * 2 + i] * b[((k * 2 + j) * n + p) * 2 + l];
              out.push(sum);
            }
        return out;
      },
    }),
  },
  {
    name: "dot of a transposed operand",
    rank: [1, 1],
    build: ([n]) => ({
      inputs: { a: [n, 3], b: [2, n] },
      output: ({ a, b }) => t.dot(t.transpose(a, [1, 0]), t.transpose(b, [1, 0]), { contract: [[1], [0]] }),
      expected: ({ a, b }) => {
        const out: number[] = [];
        for (let i = 0; i < 3; i++)
          for (let j = 0; j < 2; j++) {
            let sum = 0;
            for (let k = 0; k < n; k++) sum += a[k * 3 + i] * b[j * n + k];
            out.push(sum);
          }
        return out;
      },
    }),
  },
  {
    name: "linear",
    build: (shape) => ({
      inputs: { x: [...shape, 2], weight: [3, 2], bias: [3] },
      output: ({ x, weight, bias }) => t.linear(x, weight, bias),
      expected: ({ x, weight, bias }) =>
        rows(x, 2, (r) => [0, 1, 2].map((j) => r[0] * weight[2 * j] + r[1] * weight[2 * j + 1] + bias[j])),
    }),
  },
  {
    name: "sumRows",
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.sumRows(x),
      expected: ({ x }) =>
        Float64Array.from({ length: last(shape) }, (_, j) =>
          x.reduce((s, v, i) => (i % last(shape) === j ? s + v : s), 0),
        ),
    }),
  },
  {
    name: "layerNorm",
    build: (shape) => ({
      inputs: { x: [...shape, 4], weight: [4], bias: [4] },
      output: ({ x, weight, bias }) => t.layerNorm(x, weight, bias, 1e-2),
      expected: ({ x, weight, bias }) =>
        rows(x, 4, (r) => {
          const mean = r.reduce((a, b) => a + b, 0) / 4;
          const variance = r.reduce((a, b) => a + (b - mean) ** 2, 0) / 4;
          return r.map((v, j) => ((v - mean) / Math.sqrt(variance + 1e-2)) * weight[j] + bias[j]);
        }),
    }),
  },
  {
    name: "softmax",
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.softmax(x),
      expected: ({ x }) => rows(x, last(shape), softmaxRow),
    }),
  },
  {
    name: "logSoftmax",
    build: (shape) => ({
      inputs: { x: shape },
      output: ({ x }) => t.logSoftmax(x),
      expected: ({ x }) => rows(x, last(shape), (r) => softmaxRow(r).map(Math.log)),
    }),
  },
  ...[
    { stride: 1, padding: 0, groups: 1 },
    { stride: 2, padding: 1, groups: 2 },
    { stride: 3, padding: 2, groups: 1 },
  ].map(
    (options): Case => ({
      name: `conv2d ${JSON.stringify(options)}`,
      rank: [1, 1],
      build: ([n]) => {
        const { stride, padding, groups } = options;
        const [size, inner] = [n + 3, 4 / groups];
        const out = Math.floor((size + 2 * padding - 3) / stride) + 1;
        return {
          inputs: { x: [2, 4, size, size], w: [2, inner, 3, 3] },
          output: ({ x, w }) => t.conv2d(x, w, options),
          expected: ({ x, w }) => {
            // One multiplication at a time, from the definition.
            const y: number[] = [];
            for (let b = 0; b < 2; b++)
              for (let o = 0; o < 2; o++)
                for (let r = 0; r < out; r++)
                  for (let c = 0; c < out; c++) {
                    let sum = 0;
                    for (let i = 0; i < inner; i++)
                      for (let k = 0; k < 9; k++) {
                        const [py, px] = [r * stride - padding + Math.floor(k / 3), c * stride - padding + (k % 3)];
                        if (py < 0 || px < 0 || py >= size || px >= size) continue;
                        const channel = (groups === 2 ? o * inner : 0) + i;
                        sum += x[((b * 4 + channel) * size + py) * size + px] * w[(o * inner + i) * 9 + k];
                      }
                    y.push(sum);
                  }
            return y;
          },
        };
      },
    }),
  ),
  {
    name: "attention",
    rank: [1, 1],
    build: ([n]) => ({
      // Fewer queries than keys, as in the last block of a DeiT.
      inputs: { q: [2, 1, 2, 3], k: [2, 1, n + 1, 3], v: [2, 1, n + 1, 3] },
      output: ({ q, k, v }) => t.attention(q, k, v, 0.7),
      expected: ({ q, k, v }) => {
        const out: number[] = [];
        for (let b = 0; b < 2; b++)
          for (let i = 0; i < 2; i++) {
            const at = (x: Float64Array, tokens: number, token: number, c: number) => x[(b * tokens + token) * 3 + c];
            const scores = Float64Array.from({ length: n + 1 }, (_, j) =>
              [0, 1, 2].reduce((s, c) => s + 0.7 * at(q, 2, i, c) * at(k, n + 1, j, c), 0),
            );
            const p = softmaxRow(scores);
            for (let c = 0; c < 3; c++) out.push(p.reduce((s, w, j) => s + w * at(v, n + 1, j, c), 0));
          }
        return out;
      },
    }),
  },
];
