/** GELU, softmax and related functions. */
import { apply, normalizeAxis, type Primitive, type Tensor } from "../graph.js";
import { add, div, mul, sub } from "../primitives/arithmetic.js";
import { barrier, saved } from "../primitives/barrier.js";
import { reduceSum } from "../primitives/broadcast.js";
import { stopGradient } from "../primitives/cast.js";
import { reduceMax } from "../primitives/compare.js";
import { requireFloat, scalar } from "../primitives/leaf.js";
import { erf, exp, log, sigmoid } from "../primitives/unary.js";

/**
 * x/√2 in the backward pass of GELU. The constant is behind a barrier, so that erf of it is recomputed instead of being kept from
 * the forward pass: that is faster than moving it.
 */
const rescaled = (x: Tensor, g: Tensor): Tensor => mul(saved(x), barrier(scalar(Math.SQRT1_2, x.dtype), g));

const geluPrimitive: Primitive = {
  name: "gelu",
  infer: ([x]) => {
    requireFloat("gelu", x);
    return [x];
  },
  // Φ(x) + x φ(x) with h = x/√2: ½ (1 + erf h + (2/√π) h e^(-h²)). The factor of the exponential is folded into its
  // exponent, and the ½ is applied to the cotangent, where it merges into the product that produced it.
  gradient: ({ inputs: [x] }, [g]) => {
    if (!g) return [undefined];
    const h = rescaled(x, g);
    const density = mul(h, exp(sub(Math.log(2 / Math.sqrt(Math.PI)), mul(h, h))));
    return [mul(mul(g, 0.5), add(add(erf(h), 1), density))];
  },
  again: ({ inputs: [x] }, g) => mul(mul(saved(x), 0.5), add(erf(rescaled(x, g)), 1)),
  expand: ({ inputs: [x] }) => [mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1))],
  onnx: ({ inputs: [x] }, emit) => {
    const value = emit.value(x);
    if (emit.operators === "runtime") return emit.op("Gelu", [value], { domain: "com.microsoft" });
    // In the order of PyTorch's exporter, which runtimes recognise and fuse.
    const number = (n: number) => emit.constant(x.dtype, [n]);
    const shifted = emit.op("Add", [...emit.op("Erf", emit.op("Div", [value, number(Math.SQRT2)])), number(1)]);
    return emit.op("Mul", [...emit.op("Mul", [value, ...shifted]), number(0.5)]);
  },
};

/** x · Φ(x), exact (using erf). */
export function gelu(x: Tensor): Tensor {
  return apply(geluPrimitive, [x], {});
}

const softmaxPrimitive: Primitive<{ axis: number }> = {
  name: "softmax",
  infer: ([x]) => {
    requireFloat("softmax", x);
    return [x];
  },
  gradient: ({ outputs: [y], attributes: { axis } }, [g]) => [g && mul(y, sub(g, reduceSum(mul(g, y), [axis], true)))],
  expand: ({ inputs: [x], attributes: { axis } }) => {
    const e = exp(sub(x, stopGradient(reduceMax(x, [axis], true))));
    return [div(e, reduceSum(e, [axis], true))];
  },
  onnx: ({ inputs: [x], attributes: { axis } }, emit) =>
    emit.op("Softmax", [emit.value(x)], { attributes: { axis: { int: axis } } }),
};

/** e^x divided by its sum along `axis`, without overflow. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return apply(softmaxPrimitive, [x], { axis: normalizeAxis(axis, x.shape.length, "softmax") });
}

const logSoftmaxPrimitive: Primitive<{ axis: number }> = {
  name: "logSoftmax",
  infer: ([x]) => {
    requireFloat("logSoftmax", x);
    return [x];
  },
  gradient: ({ inputs: [x], attributes: { axis } }, [g]) => [
    g && sub(g, mul(softmax(x, axis), reduceSum(g, [axis], true))),
  ],
  expand: ({ inputs: [x], attributes: { axis } }) => {
    const shifted = sub(x, stopGradient(reduceMax(x, [axis], true)));
    return [sub(shifted, log(reduceSum(exp(shifted), [axis], true)))];
  },
  onnx: ({ inputs: [x], attributes: { axis } }, emit) =>
    emit.op("LogSoftmax", [emit.value(x)], { attributes: { axis: { int: axis } } }),
};

/** log softmax(x), without overflow. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return apply(logSoftmaxPrimitive, [x], { axis: normalizeAxis(axis, x.shape.length, "logSoftmax") });
}

/** x · σ(x). */
export function silu(x: Tensor): Tensor {
  return mul(x, sigmoid(x));
}
