/** The affine map of the models, and sums over rows. */
import { ShapeError } from "../../errors/errors.js";
import { apply, type Primitive, type Tensor } from "../graph.js";
import { sizeOf } from "../host.js";
import { add } from "../primitives/arithmetic.js";
import { reread } from "../primitives/barrier.js";
import { broadcast } from "../primitives/broadcast.js";
import { dot } from "../primitives/dot.js";
import { reshape, transpose } from "../primitives/layout.js";
import { scalar } from "../primitives/leaf.js";
import { describe } from "../tensor-type.js";

const linearPrimitive: Primitive = {
  name: "linear",
  infer: ([x, weight, bias]) => {
    const width = x.shape[x.shape.length - 1];
    if (
      weight.shape.length !== 2 ||
      weight.shape[1] !== width ||
      bias.shape.length !== 1 ||
      bias.shape[0] !== weight.shape[0]
    ) {
      throw new ShapeError(
        `linear got an input of ${describe(x)}, a weight of ${describe(weight)} and a bias of ${describe(bias)}; it needs [..., in], [out, in] and [out].`,
      );
    }
    return [{ dtype: x.dtype, shape: [...x.shape.slice(0, -1), weight.shape[0]] }];
  },
  gradient: ({ inputs: [x, weight] }, [g]) => {
    if (!g) return [undefined, undefined, undefined];
    const rows = asRows(g);
    return [
      dot(g, weight, { contract: [[g.shape.length - 1], [0]] }),
      dot(rows, asRows(reread(x, g)), { contract: [[0], [0]] }),
      sumRows(rows),
    ];
  },
  expand: ({ inputs: [x, weight, bias] }) => [add(dot(x, weight, { contract: [[x.shape.length - 1], [1]] }), bias)],
  onnx: ({ inputs: [x, weight, bias], outputs: [y] }, emit) => {
    const width = x.shape[x.shape.length - 1];
    if (emit.operators === "standard") {
      const product = emit.op("MatMul", [emit.value(x), emit.value(transpose(weight, [1, 0]))]);
      return emit.op("Add", [...product, emit.value(bias)]);
    }
    const flat = x.shape.length === 2 ? emit.value(x) : emit.op("Reshape", [emit.value(x), emit.ints([-1, width])])[0];
    const [product] = emit.op("Gemm", [flat, emit.value(weight), emit.value(bias)], {
      attributes: { transB: { int: 1 } },
    });
    return y.shape.length === 2 ? [product] : emit.op("Reshape", [product, emit.ints(y.shape)]);
  },
};

/** `x · weightᵀ + bias`: `[..., in] → [..., out]` with a weight `[out, in]`, as PyTorch stores it. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  if (!bias) return dot(x, weight, { contract: [[x.shape.length - 1], [1]] });
  return apply(linearPrimitive, [x, weight, bias], {});
}

/** Merges all leading axes: `[..., width] → [rows, width]`. */
export function asRows(x: Tensor): Tensor {
  return reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape[x.shape.length - 1]]);
}

/** Sum over all axes but the last, `[..., width] → [width]`, as a product with a row of ones (faster than reducing columns). */
export function sumRows(x: Tensor): Tensor {
  const rows = asRows(x);
  const ones = broadcast(scalar(1, x.dtype), [1, rows.shape[0]]);
  return reshape(dot(ones, rows, { contract: [[1], [0]] }), [rows.shape[1]]);
}
