/**
 * cuDNN's fused attention, as the custom calls that XLA's CUDA plugins compile: the ones that JAX writes for
 * `jax.nn.dot_product_attention(implementation="cudnn")`. Operands and results are bfloat16 `[batch, tokens, heads, head width]`,
 * as the products around attention read and write them, so that nothing is transposed.
 */

import { attentionGradientPrimitive } from "../../tensor/functions/attention.js";
import { type AttributeValue, applyAll, type Node, type Primitive } from "../../tensor/graph.js";
import {
  add,
  attention,
  cast,
  dot,
  exp,
  log,
  reduceMax,
  reduceSum,
  reshape,
  type Shape,
  sub,
  type Tensor,
  type TensorType,
  transpose,
} from "../../tensor/index.js";
import type { StablehloEmitter } from "../../tensor/lowering.js";
import type { MeshAxes } from "./mesh.js";
import { type Operand, onEachDevice, type Write } from "./per-device.js";

interface CudnnAttributes {
  readonly [key: string]: AttributeValue;
  /** Factor on the scores. */
  readonly scale: number;
  /** Axes of the mesh whose devices compute a part of the batch each; none on a single device. */
  readonly mesh: MeshAxes;
}

/**
 * Inputs: queries, keys, values. Outputs: the attended values, and the logarithms of the softmax's denominators, float32
 * `[batch, heads, tokens]`, which the backward pass reads.
 */
export const cudnnAttention: Primitive<CudnnAttributes> = {
  name: "cudnnAttention",
  infer: ([q]) => [q, statistics(q.shape)],
  expand: ({ inputs, attributes: { scale } }) => {
    const [q, k, v] = inputs.map(byHead);
    const pairs = [
      [0, 1],
      [0, 1],
    ] as const;
    const scores = dot(q, k, { batch: pairs, contract: [[3], [3]], alpha: scale });
    const highest = reduceMax(scores, [3], true);
    const sums = add(log(reduceSum(exp(sub(scores, highest)), [3], true)), highest);
    return [byToken(attention(q, k, v, scale)), reshape(sums, statistics(inputs[0].shape).shape)];
  },
  stablehlo: forward,
};

/** The same without the second output, for programs that compute no gradient of it. */
export const cudnnAttentionOnly: Primitive<CudnnAttributes> = {
  name: "cudnnAttentionOnly",
  infer: ([q]) => [q],
  expand: ({ inputs, attributes }) => applyAll(cudnnAttention, inputs, attributes).slice(0, 1),
  stablehlo: forward,
};

/**
 * Inputs: queries, keys, values, the forward pass's second output, the cotangent of its first, and that itself. Outputs:
 * cotangents of queries, keys and values.
 */
export const cudnnAttentionGradient: Primitive<CudnnAttributes> = {
  name: "cudnnAttentionGradient",
  infer: ([q, k, v]) => [q, k, v],
  expand: ({ inputs: [q, k, v, , g, out], attributes }) =>
    applyAll(attentionGradientPrimitive, [q, k, v, out, g].map(byHead), { scale: attributes.scale }).map(byToken),
  stablehlo: ({ inputs, outputs, attributes: { scale, mesh } }, emit) =>
    onEachDevice(inputs, outputs, mesh, emit, (operands, write) => {
      const [{ type: q }] = operands;
      const results = [0, 1, 2].map(() => transposed(q));
      // In JAX's order: the gradients of the two products by each of their operands.
      const products = {
        bmm1_grad_gemm1: weightsByTokens(2),
        bmm1_grad_gemm2: weightsByTokens(3),
        bmm2_grad_gemm1: weightsByTokens(2),
        bmm2_grad_gemm2: tokensByTokens,
      };
      const names = customCall("__cudnn$fmhaSoftmaxBackward", operands, results, config(q, scale, products), write);
      return results.map((type, i) => inTokenOrder(names[i], type, q, write));
    }),
};

function forward(
  { inputs, outputs, attributes: { scale, mesh } }: Node<CudnnAttributes>,
  emit: StablehloEmitter<Tensor>,
): readonly string[] {
  return onEachDevice(inputs, outputs, mesh, emit, (operands, write) => {
    const [{ type: q }] = operands;
    const out = transposed(q);
    const results = [out, { type: statistics(q.shape), minorToMajor: [2, 1, 0] }].slice(0, outputs.length);
    const products = { bmm1: tokensByTokens, bmm2: weightsByTokens(3) };
    const [attended, ...others] = customCall(
      "__cudnn$fmhaSoftmax",
      operands,
      results,
      config(q, scale, products),
      write,
    );
    return [inTokenOrder(attended, out, q, write), ...others];
  });
}

const byHead = (t: Tensor) => transpose(cast(t, "float32"), [0, 2, 1, 3]);
const byToken = (t: Tensor) => cast(transpose(t, [0, 2, 1, 3]), "bfloat16");

const statistics = ([batch, tokens, heads]: Shape): TensorType => ({
  dtype: "float32",
  shape: [batch, heads, tokens],
});

/** A result and how it lies in memory. */
interface Result {
  readonly type: TensorType;
  readonly minorToMajor: readonly number[];
}

/** cuDNN's results have the heads before the tokens, and lie in memory the other way round. */
function transposed({ dtype, shape: [batch, tokens, heads, width] }: TensorType): Result {
  return { type: { dtype, shape: [batch, heads, tokens, width] }, minorToMajor: [3, 1, 2, 0] };
}

/** Moves nothing: the elements are in this order already. */
function inTokenOrder(name: string, { type }: Result, like: TensorType, write: Write): string {
  return write.op(`stablehlo.transpose ${name}, dims = [0, 2, 1, 3] : (${write.type(type)}) -> ${write.type(like)}`);
}

/** Axes of a product as XLA's protocol buffers have them in JSON, where whole numbers of 64 bits are strings. */
function product(contract: readonly [number, number], left: readonly number[], right: readonly number[]) {
  return {
    lhs_contracting_dimensions: [String(contract[0])],
    rhs_contracting_dimensions: [String(contract[1])],
    lhs_batch_dimensions: left.map(String),
    rhs_batch_dimensions: right.map(String),
  };
}

/** Of two tensors `[batch, tokens, heads, head width]`, over the head width. */
const tokensByTokens = product([3, 3], [0, 2], [0, 2]);
/** Of weights `[batch, heads, tokens, tokens]` and a tensor `[batch, tokens, heads, head width]`. */
const weightsByTokens = (axis: 2 | 3) => product([axis, 1], [0, 1], [0, 2]);

/** The `backend_config` of a call, a message `GpuBackendConfig` of XLA's backend_configs.proto. */
function config(
  { shape: [batch, tokens, heads] }: TensorType,
  scale: number,
  products: Readonly<Record<string, ReturnType<typeof product>>>,
) {
  return {
    operation_queue_id: "0",
    cudnn_fmha_backend_config: {
      algorithm: {
        algo_id: "0",
        math_type: "TENSOR_OP_MATH",
        tuning_knobs: { 17: "1", 24: "0" },
        is_cudnn_frontend: true,
        workspace_size: "0",
      },
      fmha_scale: scale,
      intermediate_tensor_shape: {
        element_type: "BF16",
        dimensions: [batch, heads, tokens, tokens].map(String),
        tuple_shapes: [],
        layout: {
          dim_level_types: [],
          dim_unique: [],
          dim_ordered: [],
          minor_to_major: ["3", "2", "1", "0"],
          tiles: [],
          element_size_in_bits: "0",
          memory_space: "0",
          index_primitive_type: "PRIMITIVE_TYPE_INVALID",
          pointer_primitive_type: "PRIMITIVE_TYPE_INVALID",
          dynamic_shape_metadata_prefix_bytes: "0",
        },
        is_dynamic_dimension: [false, false, false, false],
      },
      is_flash_attention: true,
      mask_type: "NO_MASK",
      ...Object.fromEntries(Object.entries(products).map(([n, axes]) => [`${n}_dot_dimension_numbers`, axes])),
      dropout_rate: 0,
      seed: 42,
      sliding_window_length: 0,
      max_seg_per_batch: 1,
      is_paged_attention: false,
    },
  };
}

/**
 * Writes the call and returns the names of `results`. The call has one more, the workspace, whose size the compiler chooses.
 */
function customCall(
  target: string,
  operands: readonly Operand[],
  results: readonly Result[],
  backendConfig: unknown,
  write: Write,
): readonly string[] {
  const workspace: Result = { type: { dtype: "uint8", shape: [0] }, minorToMajor: [0] };
  const all = [...results, workspace];
  const rowMajor = ({ type: { shape } }: Operand) => layout(shape.map((_, i) => shape.length - 1 - i));
  const attributes = [
    "api_version = 2 : i32",
    `backend_config = "${JSON.stringify(backendConfig).replaceAll('"', "\\22")}"`,
    `operand_layouts = [${operands.map(rowMajor).join(", ")}]`,
    `result_layouts = [${all.map(({ minorToMajor }) => layout(minorToMajor)).join(", ")}]`,
  ];
  const values = operands.map(({ name }) => name).join(", ");
  const types = operands.map(({ type }) => write.type(type)).join(", ");
  const returned = all.map(({ type }) => write.type(type)).join(", ");
  return write
    .results(
      `stablehlo.custom_call @${target}(${values}) {${attributes.join(", ")}} : (${types}) -> (${returned})`,
      all.length,
    )
    .slice(0, -1);
}

/** Axes from the one whose elements are neighbours to the outermost. */
function layout(minorToMajor: readonly number[]): string {
  const elements = minorToMajor.length === 1 ? minorToMajor[0] : `[${minorToMajor.join(", ")}]`;
  return `dense<${elements}> : tensor<${minorToMajor.length}xindex>`;
}
