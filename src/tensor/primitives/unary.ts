/** Elementwise functions of one argument. */
import type { Tensor } from "../graph.js";
import { div, mul, neg, sub } from "./arithmetic.js";
import { elementwise, unary } from "./elementwise.js";

/** eˣ. */
export const exp: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "exp",
    arity: 1,
    accepts: "float",
    onnx: "Exp",
    stablehlo: "stablehlo.exponential",
    evaluate: Math.exp,
    gradient: ({ outputs: [y] }, [g]) => [g && mul(g, y)],
  }),
);

/** Natural logarithm. */
export const log: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "log",
    arity: 1,
    accepts: "float",
    onnx: "Log",
    stablehlo: "stablehlo.log",
    evaluate: Math.log,
    gradient: ({ inputs: [x] }, [g]) => [g && div(g, x)],
  }),
);

/** Square root. */
export const sqrt: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "sqrt",
    arity: 1,
    accepts: "float",
    onnx: "Sqrt",
    stablehlo: "stablehlo.sqrt",
    evaluate: Math.sqrt,
    gradient: ({ outputs: [y] }, [g]) => [g && div(mul(g, 0.5), y)],
  }),
);

/** 1 / √x. */
export const rsqrt: (x: Tensor) => Tensor = unary({
  ...elementwise({
    name: "rsqrt",
    arity: 1,
    accepts: "float",
    onnx: "",
    stablehlo: "stablehlo.rsqrt",
    evaluate: (a) => 1 / Math.sqrt(a),
    gradient: ({ inputs: [x], outputs: [y] }, [g]) => [g && mul(g, div(mul(y, -0.5), x))],
  }),
  onnx: ({ inputs: [x] }, emit) => emit.op("Reciprocal", emit.op("Sqrt", [emit.value(x)])),
});

/** Hyperbolic tangent. */
export const tanh: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "tanh",
    arity: 1,
    accepts: "float",
    onnx: "Tanh",
    stablehlo: "stablehlo.tanh",
    evaluate: Math.tanh,
    gradient: ({ outputs: [y] }, [g]) => [g && mul(g, sub(1, mul(y, y)))],
  }),
);

/** 1 / (1 + e^-x). */
export const sigmoid: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "sigmoid",
    arity: 1,
    accepts: "float",
    onnx: "Sigmoid",
    stablehlo: "stablehlo.logistic",
    evaluate: (a) => 1 / (1 + Math.exp(-a)),
    gradient: ({ outputs: [y] }, [g]) => [g && mul(g, mul(y, sub(1, y)))],
  }),
);

const twoOverSqrtPi = 2 / Math.sqrt(Math.PI);

/** The error function. */
export const erf: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "erf",
    arity: 1,
    accepts: "float",
    onnx: "Erf",
    stablehlo: "chlo.erf",
    evaluate: erfValue,
    gradient: ({ inputs: [x] }, [g]) => [g && mul(g, mul(exp(neg(mul(x, x))), twoOverSqrtPi))],
  }),
);

/** Sine of an angle in radians. */
export const sin: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "sin",
    arity: 1,
    accepts: "float",
    onnx: "Sin",
    stablehlo: "stablehlo.sine",
    evaluate: Math.sin,
    gradient: ({ inputs: [x] }, [g]) => [g && mul(g, cos(x))],
  }),
);

/** Cosine of an angle in radians. */
export const cos: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "cos",
    arity: 1,
    accepts: "float",
    onnx: "Cos",
    stablehlo: "stablehlo.cosine",
    evaluate: Math.cos,
    gradient: ({ inputs: [x] }, [g]) => [g && neg(mul(g, sin(x)))],
  }),
);

/** Largest whole number not above x; no gradient flows. */
export const floor: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "floor",
    arity: 1,
    accepts: "float",
    onnx: "Floor",
    stablehlo: "stablehlo.floor",
    evaluate: Math.floor,
  }),
);

/** x² */
export function square(x: Tensor): Tensor {
  return mul(x, x);
}

/** erf in double precision: Taylor series near 0, continued fraction of erfc beyond. */
function erfValue(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 80 && Math.abs(term) > 1e-18; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * twoOverSqrtPi * sum;
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
}
