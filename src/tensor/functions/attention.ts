/**
 * Scaled dot-product attention, forward and backward, as two composites that an engine may replace with fused kernels.
 */
import { ShapeError } from "../../errors/errors.js";
import { apply, applyAll, type Primitive, sameShape, type Tensor } from "../graph.js";
import { mul, sub } from "../primitives/arithmetic.js";
import { saved } from "../primitives/barrier.js";
import { reduceSum } from "../primitives/broadcast.js";
import { dot } from "../primitives/dot.js";
import { reshape, transpose } from "../primitives/layout.js";
import { describe } from "../tensor-type.js";
import { softmax } from "./activation.js";

const pairs = [
  [0, 1],
  [0, 1],
] as const;

/** softmax(scale · q kᵀ): `[batch, heads, queries, tokens]` from two of `[batch, heads, tokens, head width]`. */
export function attentionWeights(q: Tensor, k: Tensor, scale: number = 1 / Math.sqrt(q.shape[3])): Tensor {
  return softmax(dot(q, k, { batch: pairs, contract: [[3], [3]], alpha: scale }));
}

export const attentionPrimitive: Primitive<{ scale: number }> = {
  name: "attention",
  infer: ([q, k, v]) => {
    if (q.shape.length !== 4 || !sameShape(k.shape, v.shape) || q.shape.some((d, i) => i !== 2 && d !== k.shape[i])) {
      throw new ShapeError(
        `attention got ${describe(q)}, ${describe(k)} and ${describe(v)}; it needs [batch, heads, tokens, head width] for all three.`,
      );
    }
    return [q];
  },
  gradient: (node, [g]) =>
    g
      ? applyAll(attentionGradientPrimitive, [...node.inputs, node.outputs[0], g], node.attributes)
      : [undefined, undefined, undefined],
  expand: ({ inputs: [q, k, v], attributes: { scale } }) => [
    dot(attentionWeights(q, k, scale), v, { batch: pairs, contract: [[3], [2]] }),
  ],
  fuses: ({ engine, operators }, present) =>
    engine === "onnx" && operators !== "standard" && !present.has(attentionGradientPrimitive as Primitive),
  // Without a backward pass that needs the weights: ONNX Runtime's flash attention, which reads [batch, tokens, width].
  onnx: ({ inputs, attributes: { scale } }, emit) => {
    const [batch, heads, tokens, width] = inputs[0].shape;
    const flat = inputs.map(
      (t) => emit.op("Reshape", [emit.value(transpose(t, [0, 2, 1, 3])), emit.ints([batch, -1, heads * width])])[0],
    );
    const [out] = emit.op("MultiHeadAttention", flat, {
      domain: "com.microsoft",
      attributes: { num_heads: { int: heads }, scale: { float: scale } },
    });
    const [split] = emit.op("Reshape", [out, emit.ints([batch, tokens, heads, width])]);
    return emit.op("Transpose", [split], { attributes: { perm: { ints: [0, 2, 1, 3] } } });
  },
};

/** Inputs: queries, keys, values, the output, its cotangent. Outputs: cotangents of queries, keys, values. */
export const attentionGradientPrimitive: Primitive<{ scale: number }> = {
  name: "attentionGradient",
  infer: ([q, k, v]) => [q, k, v],
  expand: ({ inputs: [queries, keys, values, out, g], attributes: { scale } }) => {
    const [q, k, v] = [queries, keys, values].map(saved);
    const p = saved(attentionWeights(queries, keys, scale)); // merged with that of the forward pass
    const dv = dot(p, g, { batch: pairs, contract: [[2], [2]] });
    const dp = dot(g, v, { batch: pairs, contract: [[3], [3]] });
    // Σ p·dp over keys equals Σ out·g over the head width, which is shorter: of rows, which the forward pass keeps.
    const [batch, heads, tokens, width] = queries.shape;
    const rows = (t: Tensor) => reshape(transpose(t, [0, 2, 1, 3]), [batch * tokens, heads * width]);
    const sums = reduceSum(reshape(mul(rows(out), rows(g)), [batch, tokens, heads, width]), [3], true);
    const ds = mul(p, sub(dp, transpose(sums, [0, 2, 1, 3])));
    return [
      dot(ds, k, { batch: pairs, contract: [[3], [2]], alpha: scale }),
      dot(ds, q, { batch: pairs, contract: [[2], [2]], alpha: scale }),
      dv,
    ];
  },
};

/** softmax(scale · q kᵀ) v, each `[batch, heads, tokens, head width]`. */
export function attention(q: Tensor, k: Tensor, v: Tensor, scale: number = 1 / Math.sqrt(q.shape[3])): Tensor {
  return apply(attentionPrimitive, [q, k, v], { scale });
}
