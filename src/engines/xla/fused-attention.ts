/** Replaces attention by cuDNN's fused kernels, which never write the weights `[batch, heads, tokens, tokens]` to memory. */
import { attentionGradientPrimitive, attentionPrimitive } from "../../tensor/functions/attention.js";
import { applyAll, type Primitive, type Target } from "../../tensor/graph.js";
import {
  applies,
  cast,
  dotAxes,
  type Node,
  type Program,
  primitives,
  reshape,
  simplify,
  type Tensor,
  topologicalOrder,
  transpose,
} from "../../tensor/index.js";
import { cudnnAttention, cudnnAttentionGradient, cudnnAttentionOnly } from "./cudnn-attention.js";
import type { MeshAxes } from "./mesh.js";
import { narrow } from "./mixed-precision.js";
import { rewrite } from "./rewrite.js";

const kept: ReadonlySet<Primitive> = new Set(
  [attentionPrimitive, attentionGradientPrimitive].map((p) => p as Primitive),
);

/** The greatest head width of cuDNN's kernels before Hopper; from there on it is 256. */
const widestHead = 128;

/**
 * The program with every attention that cuDNN has kernels for computed by them, in bfloat16; the program itself if there is
 * none. Where the program computes gradients of it, so does cuDNN. Left as products are: attention of a few tokens to all,
 * which is small; attention whose weights the program computes for other readers too; and batches that the devices of the
 * mesh cannot share. `given` must have its composites; what is returned may need to be simplified.
 */
export function withFusedAttention(given: Program, target: Target, mesh: MeshAxes = []): Program {
  // Attention may be within other composites, such as blocks that the backward pass computes again.
  const program = simplify(given, target, kept);
  const order = topologicalOrder(program.outputs.map((o) => o.tensor));
  const shown = order.filter((n) => dotAxes(n)).map((n) => n.inputs);
  const isShown = ({ inputs: [q, k] }: Node) => shown.some(([a, b]) => a === q && b === k);
  const parts = mesh.reduce((product, [, size]) => product * size, 1);
  const isFused = (n: Node) => hasKernel(n) && !isShown(n) && n.inputs[0].shape[0] % parts === 0;
  const fused = new Set(order.filter((n) => applies(attentionPrimitive, n) && isFused(n)));
  if (fused.size === 0) return given;
  const trained = new Set(order.filter((n) => applies(attentionGradientPrimitive, n)).map((n) => n.inputs[3].node));
  /** The nodes of cuDNN's forward passes by those that they stand for. */
  const forward = new Map<Node, Node>();
  return rewrite(program, (node, inputs) => {
    // Heads are moved to their own axis and back around attention: here the two meet and cancel.
    if (applies(primitives.transpose, node)) return [transpose(inputs[0], node.attributes.permutation)];
    if (applies(primitives.reshape, node)) return [reshape(inputs[0], node.attributes.shape)];
    if (applies(attentionPrimitive, node) && fused.has(node)) {
      const primitive = trained.has(node) ? cudnnAttention : cudnnAttentionOnly;
      const [out] = applyAll(primitive, inputs.map(byToken), { scale: node.attributes.scale, mesh });
      forward.set(node, out.node);
      return [byHead(out)];
    }
    if (!applies(attentionGradientPrimitive, node)) return undefined;
    const known = forward.get(node.inputs[3].node);
    if (!known) return undefined;
    const [out, statistics] = known.outputs;
    const operands = [...known.inputs, statistics, byToken(inputs[4]), out];
    return applyAll(cudnnAttentionGradient, operands, { scale: node.attributes.scale, mesh }).map(byHead);
  });
}

/** Whether cuDNN has a forward and a backward kernel for it; any number of tokens will do, odd ones too. */
function hasKernel({ inputs: [q, k] }: Node): boolean {
  const width = q.shape[3];
  return q.dtype === "float32" && q.shape[2] === k.shape[2] && width % 8 === 0 && width <= widestHead;
}

/** `[batch, heads, tokens, head width]` as bfloat16 `[batch, tokens, heads, head width]`, and back. */
const byToken = (t: Tensor) => narrow(transpose(t, [0, 2, 1, 3]));
const byHead = (t: Tensor) => transpose(cast(t, "float32"), [0, 2, 1, 3]);
