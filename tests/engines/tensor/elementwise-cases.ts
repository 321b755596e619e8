/** Cases of functions that work element by element. */
import * as t from "../../../src/tensor/index.js";
import { type Case, normalCdf } from "./case.js";

const unary = (
  name: string,
  f: (x: t.Tensor) => t.Tensor,
  value: (x: number) => number,
  more: Partial<Case> = {},
): Case => ({
  name,
  ...more,
  build: (shape) => ({ inputs: { x: shape }, output: ({ x }) => f(x), expected: ({ x }) => x.map(value) }),
});

const binary = (
  name: string,
  f: (a: t.Tensor, b: t.Tensor) => t.Tensor,
  value: (a: number, b: number) => number,
  more: Partial<Case> = {},
): Case => ({
  name,
  ...more,
  // The second operand is one row, which broadcasts over all leading axes.
  build: (shape) => {
    const width = shape[shape.length - 1];
    return {
      inputs: { a: shape, b: [width] },
      output: ({ a, b }) => f(a, b),
      expected: ({ a, b }) => a.map((x, i) => value(x, b[i % width])),
    };
  },
});

export const elementwiseCases: readonly Case[] = [
  binary("add", t.add, (a, b) => a + b),
  binary("sub", t.sub, (a, b) => a - b),
  binary("mul", t.mul, (a, b) => a * b),
  binary("div", t.div, (a, b) => a / b, { range: [0.5, 2] }),
  binary("max", t.max, Math.max),
  binary("min", t.min, Math.min),
  binary(
    "compare LT",
    (a, b) => t.cast(t.compare("LT", a, b), "float32"),
    (a, b) => (a < b ? 1 : 0),
    { constant: true },
  ),
  binary(
    "compare GE",
    (a, b) => t.cast(t.compare("GE", a, b), "float32"),
    (a, b) => (a >= b ? 1 : 0),
    { constant: true },
  ),
  binary(
    "select",
    (a, b) => t.select(t.compare("GT", a, 0), a, b),
    (a, b) => (a > 0 ? a : b),
    { avoidZero: true },
  ),
  binary(
    "and, not",
    (a, b) => t.cast(t.and(t.compare("GT", a, 0), t.not(t.compare("GT", b, 0))), "float32"),
    (a, b) => (a > 0 && b <= 0 ? 1 : 0),
    { constant: true },
  ),
  unary("neg", t.neg, (x) => -x),
  unary("exp", t.exp, Math.exp),
  unary("log", t.log, Math.log, { range: [0.2, 3] }),
  unary("sqrt", t.sqrt, Math.sqrt, { range: [0.2, 3] }),
  unary("rsqrt", t.rsqrt, (x) => 1 / Math.sqrt(x), { range: [0.2, 3] }),
  unary("tanh", t.tanh, Math.tanh),
  unary("sigmoid", t.sigmoid, (x) => 1 / (1 + Math.exp(-x))),
  unary("erf", t.erf, (x) => 2 * normalCdf(x * Math.SQRT2) - 1),
  unary("sin", t.sin, Math.sin),
  unary("cos", t.cos, Math.cos),
  unary("abs", t.abs, Math.abs, { avoidZero: true }),
  unary("relu", t.relu, (x) => Math.max(x, 0), { avoidZero: true }),
  unary("floor", t.floor, Math.floor, { constant: true }),
  unary("sign", t.sign, Math.sign, { constant: true }),
  unary(
    "finite",
    (x) => t.cast(t.finite(x), "float32"),
    () => 1,
    { constant: true },
  ),
  unary("cast to int32 and back", (x) => t.cast(t.cast(x, "int32"), "float32"), Math.trunc, { constant: true }),
  unary("gelu", t.gelu, (x) => x * normalCdf(x)),
  unary("silu", t.silu, (x) => x / (1 + Math.exp(-x))),
];
