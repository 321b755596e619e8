/** LayerNorm, with a short backward pass, which matters because it runs 25 times a step. */
import { ShapeError } from "../../errors/errors.js";
import { applyAll, type Primitive, type Tensor } from "../graph.js";
import { sizeOf } from "../host.js";
import { add, mul, sub } from "../primitives/arithmetic.js";
import { barrier } from "../primitives/barrier.js";
import { reduceSum } from "../primitives/broadcast.js";
import { dot } from "../primitives/dot.js";
import { reshape } from "../primitives/layout.js";
import { rsqrt } from "../primitives/unary.js";
import { describe } from "../tensor-type.js";
import { sumRows } from "./linear.js";

const normalizedOf = (x: Tensor, mean: Tensor, inverse: Tensor): Tensor => mul(sub(x, mean), inverse);

const layerNormPrimitive: Primitive<{ epsilon: number }> = {
  name: "layerNorm",
  infer: ([x, weight, bias]) => {
    const width = x.shape[x.shape.length - 1];
    if (sizeOf(weight.shape) !== width || sizeOf(bias.shape) !== width) {
      throw new ShapeError(
        `layerNorm of ${describe(x)} got a weight of ${describe(weight)} and a bias of ${describe(bias)}; both need [${width}].`,
      );
    }
    const statistics = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] };
    return [x, statistics, statistics];
  },
  gradient: ({ inputs: [x, weight], outputs: [, mean, inverse] }, [g]) => {
    if (!g) return [undefined, undefined, undefined];
    const width = x.shape[x.shape.length - 1];
    const normalized = normalizedOf(x, mean, inverse);
    const product = mul(g, normalized);
    // Row sums weighted by `weight` are products with it, so weight · g is needed only once.
    const rowSum = (t: Tensor) =>
      reshape(dot(t, weight, { contract: [[t.shape.length - 1], [0]], alpha: 1 / width }), mean.shape);
    const dx = mul(sub(sub(mul(g, weight), mul(normalized, rowSum(product))), rowSum(g)), inverse);
    return [dx, sumRows(product), sumRows(g)];
  },
  again: ({ inputs: [x, weight, bias], outputs: [, mean, inverse] }, g) =>
    add(mul(normalizedOf(x, mean, inverse), barrier(weight, g)), bias),
  expand: ({ inputs: [x, weight, bias], attributes: { epsilon } }) => {
    const width = x.shape[x.shape.length - 1];
    const mean = mul(reduceSum(x, [-1], true), 1 / width);
    const centred = sub(x, mean);
    const inverse = rsqrt(add(mul(reduceSum(mul(centred, centred), [-1], true), 1 / width), epsilon));
    return [add(mul(mul(centred, inverse), weight), bias), mean, inverse];
  },
  onnx: ({ inputs, attributes: { epsilon } }, emit) =>
    emit.op(
      "LayerNormalization",
      inputs.map((t) => emit.value(t)),
      {
        attributes: { axis: { int: -1 }, epsilon: { float: epsilon } },
        // The statistics serve the backward pass alone, and not every runtime has them.
        outputs: emit.operators === "runtime" ? 3 : 1,
      },
    ),
};

/** Normalises the last axis to mean 0 and variance 1, then scales and shifts: `[..., width]`, weight and bias `[width]`. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon = 1e-6): Tensor {
  return applyAll(layerNormPrimitive, [x, weight, bias], { epsilon })[0];
}
