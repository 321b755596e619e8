/**
 * add, sub, mul, div, neg: the four operations, negation and their gradients. Numbers and smaller tensors broadcast.
 */

import type { Tensor } from "../graph.js";
import { binary, elementwise, type Operand, unary } from "./elementwise.js";

const addPrimitive = elementwise({
  name: "add",
  arity: 2,
  onnx: "Add",
  stablehlo: "stablehlo.add",
  evaluate: (a, b) => a + b,
  gradient: (_, [g]) => [g, g],
});

const subPrimitive = elementwise({
  name: "sub",
  arity: 2,
  onnx: "Sub",
  stablehlo: "stablehlo.subtract",
  evaluate: (a, b) => a - b,
  gradient: (_, [g]) => [g, g && neg(g)],
});

export const mulPrimitive = elementwise({
  name: "mul",
  arity: 2,
  onnx: "Mul",
  stablehlo: "stablehlo.multiply",
  evaluate: (a, b) => a * b,
  gradient: ({ inputs: [a, b] }, [g]) => [g && mul(g, b), g && mul(g, a)],
});

const divPrimitive = elementwise({
  name: "div",
  arity: 2,
  onnx: "Div",
  stablehlo: "stablehlo.divide",
  evaluate: (a, b) => a / b,
  gradient: ({ inputs: [, b], outputs: [y] }, [g]) => [g && div(g, b), g && neg(div(mul(g, y), b))],
});

const negPrimitive = elementwise({
  name: "neg",
  arity: 1,
  onnx: "Neg",
  stablehlo: "stablehlo.negate",
  evaluate: (a) => -a,
  gradient: (_, [g]) => [g && neg(g)],
});

/** a + b, broadcast as NumPy does. */
export const add: (a: Operand, b: Operand) => Tensor = binary(addPrimitive, {});
/** a − b, broadcast as NumPy does. */
export const sub: (a: Operand, b: Operand) => Tensor = binary(subPrimitive, {});
/** a · b, broadcast as NumPy does. */
export const mul: (a: Operand, b: Operand) => Tensor = binary(mulPrimitive, {});
/** Quotient. Integer division does not guarantee truncation towards zero; cast to float first. */
export const div: (a: Operand, b: Operand) => Tensor = binary(divPrimitive, {});
/** −x. */
export const neg: (x: Tensor) => Tensor = unary(negPrimitive);
