/** Comparison and choice: compare, select, logic, max and min, and the reductions built on them. */
import { ShapeError } from "../../errors/errors.js";
import { reduceWith, strides } from "../dense.js";
import type { DType } from "../dtype.js";
import { apply, type Primitive, sameShape, type Tensor } from "../graph.js";
import { sizeOf } from "../host.js";
import { describe } from "../tensor-type.js";
import { div, mul, neg, sub } from "./arithmetic.js";
import { broadcast, broadcastShape, keptShape, normalizeAxes, reduceSum } from "./broadcast.js";
import { cast } from "./cast.js";
import { binary, broadcastOperands, coerce, elementwise, type Operand, unary } from "./elementwise.js";
import { reshape } from "./layout.js";
import { iota, scalar } from "./leaf.js";

/** Equal, less, less or equal, greater, greater or equal. */
export type Comparison = "EQ" | "LT" | "LE" | "GT" | "GE";

const onnxComparison: Record<Comparison, string> = {
  EQ: "Equal",
  LT: "Less",
  LE: "LessOrEqual",
  GT: "Greater",
  GE: "GreaterOrEqual",
};
const compareValue: Record<Comparison, (a: number, b: number) => boolean> = {
  EQ: (a, b) => a === b,
  LT: (a, b) => a < b,
  LE: (a, b) => a <= b,
  GT: (a, b) => a > b,
  GE: (a, b) => a >= b,
};

const comparePrimitive: Primitive<{ direction: Comparison }> = {
  name: "compare",
  trait: "elementwise",
  infer: ([a, b]) => {
    if (!sameShape(a.shape, b.shape) || a.dtype !== b.dtype) {
      throw new ShapeError(`compare got ${describe(a)} and ${describe(b)}; both must have one shape and dtype.`);
    }
    return [{ dtype: "bool", shape: a.shape }];
  },
  evaluate: ([a, b], { direction }) => [a.data.map((x, i) => (compareValue[direction](x, b.data[i]) ? 1 : 0))],
  onnx: ({ inputs, attributes }, emit) =>
    emit.op(onnxComparison[attributes.direction], broadcastOperands(inputs, emit)),
  stablehlo: ({ inputs, attributes }, emit) => [
    emit.op(
      `stablehlo.compare ${attributes.direction}, ${emit.value(inputs[0])}, ${emit.value(inputs[1])} : (${emit.type(inputs[0])}, ${emit.type(inputs[1])}) -> ${emit.type({ dtype: "bool", shape: inputs[0].shape })}`,
    ),
  ],
};

/** Elementwise comparison; booleans of the broadcast shape. */
export function compare(direction: Comparison, a: Operand, b: Operand): Tensor {
  return apply(comparePrimitive, coerce("compare", a, b), { direction });
}

const selectPrimitive: Primitive = {
  name: "select",
  trait: "elementwise",
  infer: ([p, a, b]) => {
    if (p.dtype !== "bool" || a.dtype !== b.dtype || !sameShape(a.shape, b.shape) || !sameShape(p.shape, a.shape)) {
      throw new ShapeError(
        `select got ${describe(p)}, ${describe(a)} and ${describe(b)}; it needs a bool condition and two values of one dtype, all of one shape.`,
      );
    }
    return [a];
  },
  gradient: ({ inputs: [p] }, [g]) => [undefined, g && select(p, g, 0), g && select(p, 0, g)],
  evaluate: ([p, a, b]) => [a.data.map((x, i) => (p.data[i] ? x : b.data[i]))],
  onnx: ({ inputs }, emit) => emit.op("Where", broadcastOperands(inputs, emit)),
  stablehlo: ({ inputs: [p, a, b] }, emit) => [
    emit.op(`stablehlo.select ${emit.value(p)}, ${emit.value(a)}, ${emit.value(b)} : ${emit.type(p)}, ${emit.type(a)}`),
  ],
};

/** `a` where the condition holds, else `b`; all three broadcast. */
export function select(condition: Tensor, a: Operand, b: Operand): Tensor {
  const [ta, tb] = coerce("select", a, b);
  const shape = broadcastShape("select", condition, ta);
  return apply(selectPrimitive, [broadcast(condition, shape), broadcast(ta, shape), broadcast(tb, shape)], {});
}

/** Logical and. */
export const and: (a: Operand, b: Operand) => Tensor = binary(
  elementwise({
    name: "and",
    arity: 2,
    accepts: "bool",
    onnx: "And",
    stablehlo: "stablehlo.and",
    evaluate: (a, b) => a && b,
  }),
  {},
);
/** Logical not. */
export const not: (x: Tensor) => Tensor = unary(
  elementwise({
    name: "not",
    arity: 1,
    accepts: "bool",
    onnx: "Not",
    stablehlo: "stablehlo.not",
    evaluate: (a) => (a ? 0 : 1),
  }),
);

/** Larger of two; where equal, each gets half of the gradient. */
export const max: (a: Operand, b: Operand) => Tensor = binary(
  elementwise({
    name: "max",
    arity: 2,
    onnx: "Max",
    stablehlo: "stablehlo.maximum",
    evaluate: Math.max,
    gradient: ({ inputs: [a, b] }, [g]) => (g ? [pass(g, a, b), pass(g, b, a)] : [undefined, undefined]),
  }),
  {},
);

/** Smaller of two. */
export const min: (a: Operand, b: Operand) => Tensor = binary(
  elementwise({
    name: "min",
    arity: 2,
    onnx: "Min",
    stablehlo: "stablehlo.minimum",
    evaluate: Math.min,
    gradient: ({ inputs: [a, b] }, [g]) => (g ? [pass(g, b, a), pass(g, a, b)] : [undefined, undefined]),
  }),
  {},
);

function pass(g: Tensor, winner: Tensor, loser: Tensor): Tensor {
  return select(compare("GT", winner, loser), g, select(compare("EQ", winner, loser), mul(g, 0.5), 0));
}

/** max(x, 0); the gradient at 0 is 0, as in PyTorch. */
export function relu(x: Tensor): Tensor {
  return apply(reluPrimitive, [x], {});
}

const reluPrimitive: Primitive = {
  ...elementwise({ name: "relu", arity: 1, onnx: "Relu", stablehlo: "", evaluate: (a) => Math.max(a, 0) }),
  // By the output, so that the input need not outlive the forward pass.
  gradient: ({ outputs: [y] }, [g]) => [g && apply(reluGradientPrimitive, [g, y], {})],
  stablehlo: undefined,
  expand: ({ inputs: [x] }) => [max(x, 0)],
};

/** The cotangent where the output is above 0. */
const reluGradientPrimitive: Primitive = {
  ...elementwise({ name: "reluGradient", arity: 2, onnx: "", stablehlo: "", evaluate: (g, y) => (y > 0 ? g : 0) }),
  gradient: ({ inputs: [, y] }, [c]) => [c && apply(reluGradientPrimitive, [c, y], {}), undefined],
  // ONNX Runtime compares and chooses several times as slowly as it multiplies. With this slope, the sigmoid made of three lines
  // is 0 or 1 for every number that has all its digits.
  onnx: ({ inputs: [g, y] }, emit) => {
    const [passes] = emit.op("HardSigmoid", [emit.value(y)], {
      attributes: { alpha: { float: 3e38 }, beta: { float: 0 } },
    });
    return emit.op("Mul", [emit.value(g), passes]);
  },
  stablehlo: undefined,
  expand: ({ inputs: [g, y] }) => [select(compare("GT", y, 0), g, 0)],
};

/** |x|; the gradient at 0 is 0. */
export function abs(x: Tensor): Tensor {
  return apply(absPrimitive, [x], {});
}

const absPrimitive: Primitive = elementwise({
  name: "abs",
  arity: 1,
  onnx: "Abs",
  stablehlo: "stablehlo.abs",
  evaluate: Math.abs,
  gradient: ({ inputs: [x] }, [g]) => [g && select(compare("EQ", x, 0), 0, select(compare("GT", x, 0), g, neg(g)))],
});

/** Whether a value is neither infinite nor NaN: x - x is 0 exactly for those. */
export function finite(x: Tensor): Tensor {
  return compare("EQ", sub(x, x), 0);
}

const reduceMaxPrimitive: Primitive<{ axes: readonly number[] }> = {
  name: "reduceMax",
  infer: ([x], { axes }) => [{ dtype: x.dtype, shape: x.shape.filter((_, i) => !axes.includes(i)) }],
  gradient: ({ inputs: [x], outputs: [y], attributes: { axes } }, [g]) => {
    if (!g) return [undefined];
    const kept = keptShape(x.shape, axes);
    const hit = cast(compare("EQ", x, reshape(y, kept)), x.dtype);
    return [mul(hit, div(reshape(g, kept), reduceSum(hit, axes, true)))];
  },
  evaluate: ([x], { axes }, [out]) => [reduceWith(x, axes, out.shape, -Infinity, Math.max)],
  onnx: ({ inputs: [x], attributes: { axes } }, emit) =>
    emit.op("ReduceMax", [emit.value(x), emit.ints(axes)], { attributes: { keepdims: { int: 0 } } }),
  stablehlo: ({ inputs: [x], outputs: [y], attributes: { axes } }, emit) => {
    const type = { dtype: x.dtype, shape: [] };
    const lowest = emit.constant(type, [x.dtype === "int32" ? -2147483648 : -Infinity]);
    return [
      emit.op(
        `stablehlo.reduce(${emit.value(x)} init: ${lowest}) applies stablehlo.maximum across dimensions = [${axes.join(", ")}] : (${emit.type(x)}, ${emit.type(type)}) -> ${emit.type(y)}`,
      ),
    ];
  },
};

/** Maximum over `axes` (default: all); ties share the gradient. */
export function reduceMax(x: Tensor, axes?: readonly number[], keep = false): Tensor {
  const chosen = normalizeAxes("reduceMax", x, axes);
  const y = chosen.length === 0 ? x : apply(reduceMaxPrimitive, [x], { axes: chosen });
  return keep ? reshape(y, keptShape(x.shape, chosen)) : y;
}

const argmaxPrimitive: Primitive<{ axis: number }> = {
  name: "argmax",
  infer: ([x], { axis }) => [{ dtype: "int32", shape: x.shape.filter((_, i) => i !== axis) }],
  evaluate: ([x], { axis }, [out]) => {
    const s = strides(x.shape);
    return [
      Float64Array.from({ length: sizeOf(out.shape) }, (_, i) => {
        const start = Math.floor(i / s[axis]) * s[axis] * x.shape[axis] + (i % s[axis]);
        let best = 0;
        for (let k = 1; k < x.shape[axis]; k++)
          if (x.data[start + k * s[axis]] > x.data[start + best * s[axis]]) best = k;
        return best;
      }),
    ];
  },
  onnx: ({ inputs: [x], attributes: { axis } }, emit) => {
    const index = emit.op("ArgMax", [emit.value(x)], { attributes: { axis: { int: axis }, keepdims: { int: 0 } } });
    return emit.op("Cast", index, { attributes: { to: { int: emit.dtypeCode("int32") } } });
  },
  // The first index of the maximum is the one with the largest distance from the end.
  expand: ({ inputs: [x], attributes: { axis } }) => {
    const n = x.shape[axis];
    const fromEnd = sub(scalar(n, "int32"), iota("int32", x.shape, axis));
    const hit = compare("EQ", x, reduceMax(x, [axis], true));
    return [sub(scalar(n, "int32"), reduceMax(select(hit, fromEnd, 0), [axis]))];
  },
};

/** Index of the (first) maximum along `axis`, int32. */
export function argmax(x: Tensor, axis: number): Tensor {
  const [a] = normalizeAxes("argmax", x, [axis]);
  return apply(argmaxPrimitive, [x], { axis: a });
}

/** 1 where `index` equals the position along a new last axis of `classes`, else 0: `[...] → [..., classes]`. */
export function oneHot(index: Tensor, classes: number, dtype: DType = "float32"): Tensor {
  const counts = iota(index.dtype, [...index.shape, classes], index.shape.length);
  return cast(compare("EQ", reshape(index, [...index.shape, 1]), counts), dtype);
}
