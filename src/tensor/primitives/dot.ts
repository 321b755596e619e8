/** The batched matrix product with freely chosen contracted axes: all of the models' linear algebra. */
import { ShapeError } from "../../errors/errors.js";
import { type DenseValue, strides } from "../dense.js";
import type { DType } from "../dtype.js";
import { applies, apply, type Node, type Primitive, type Tensor } from "../graph.js";
import { sizeOf } from "../host.js";
import type { OnnxEmitter } from "../lowering.js";
import { describe } from "../tensor-type.js";
import { cast } from "./cast.js";
import { reshape, transpose, transposePrimitive } from "./layout.js";

/** Axes of the first operand and those of the second, in pairs. */
export type Axes = readonly [readonly number[], readonly number[]];

interface DotAttributes {
  readonly [key: string]: readonly number[] | number | string;
  readonly aBatch: readonly number[];
  readonly bBatch: readonly number[];
  readonly aContract: readonly number[];
  readonly bContract: readonly number[];
  /** Factor on the product. */
  readonly alpha: number;
  /** Dtype of the result; products of bfloat16 may be accumulated into float32. */
  readonly output: DType;
}

const freeAxes = (t: { shape: readonly number[] }, batch: readonly number[], contract: readonly number[]): number[] =>
  t.shape.map((_, i) => i).filter((i) => !batch.includes(i) && !contract.includes(i));

export const dotPrimitive: Primitive<DotAttributes> = {
  name: "dot",
  infer: ([a, b], { aBatch, bBatch, aContract, bContract, output }) => {
    const fits = (x: readonly number[], y: readonly number[]) =>
      x.length === y.length && x.every((d, i) => a.shape[d] === b.shape[y[i]]);
    if (a.dtype !== b.dtype || !fits(aBatch, bBatch) || !fits(aContract, bContract)) {
      throw new ShapeError(
        `dot got ${describe(a)} and ${describe(b)} with contracted axes [${aContract.join(", ")}] and [${bContract.join(", ")}], batch axes [${aBatch.join(", ")}] and [${bBatch.join(", ")}]; paired axes must have equal sizes and the dtypes must agree.`,
      );
    }
    const shape = [
      ...aBatch.map((i) => a.shape[i]),
      ...freeAxes(a, aBatch, aContract).map((i) => a.shape[i]),
      ...freeAxes(b, bBatch, bContract).map((i) => b.shape[i]),
    ];
    return [{ dtype: output, shape }];
  },
  gradient: ({ inputs: [a, b], attributes }, [g]) => {
    if (!g) return [undefined, undefined];
    return [operandGradient(g, a, b, attributes, "a"), operandGradient(g, b, a, attributes, "b")];
  },
  evaluate: ([a, b], attributes, [out]) => [dotValue(a, b, attributes, out.shape)],
  onnx: onnxDot,
  stablehlo: ({ inputs: [a, b], outputs: [y], attributes }, emit) => {
    const { aBatch, bBatch, aContract, bContract, alpha } = attributes;
    const batching = aBatch.length > 0 ? `batching_dims = [${aBatch.join(", ")}] x [${bBatch.join(", ")}], ` : "";
    const product = emit.op(
      `stablehlo.dot_general ${emit.value(a)}, ${emit.value(b)}, ${batching}contracting_dims = [${aContract.join(", ")}] x [${bContract.join(", ")}] : (${emit.type(a)}, ${emit.type(b)}) -> ${emit.type(y)}`,
    );
    if (alpha === 1) return [product];
    return [emit.op(`stablehlo.multiply ${product}, ${emit.constant(y, [alpha])} : ${emit.type(y)}`)];
  },
};

/** Axes of a product's two operands by their role. */
export interface DotAxes {
  /** Pairs of axes that both operands share and the result keeps. */
  readonly batch: Axes;
  /** Pairs of axes that are summed over. */
  readonly contract: Axes;
  /** The other axes of each operand, in the order in which the result has them. */
  readonly free: Axes;
}

/** The axes of a node that is a product; undefined for any other. */
export function dotAxes(node: Node): DotAxes | undefined {
  if (!applies(dotPrimitive, node)) return undefined;
  const [a, b] = node.inputs;
  const { aBatch, bBatch, aContract, bContract } = node.attributes;
  return {
    batch: [aBatch, bBatch],
    contract: [aContract, bContract],
    free: [freeAxes(a, aBatch, aContract), freeAxes(b, bBatch, bContract)],
  };
}

/**
 * Cotangent of one operand: the cotangent of the product against the other operand, contracted over the other's free
 * axes, with the axes in the operand's original order.
 */
function operandGradient(g: Tensor, x: Tensor, other: Tensor, at: DotAttributes, side: "a" | "b"): Tensor {
  const [xBatch, xContract, oBatch, oContract] =
    side === "a"
      ? [at.aBatch, at.aContract, at.bBatch, at.bContract]
      : [at.bBatch, at.bContract, at.aBatch, at.aContract];
  const xFree = freeAxes(x, xBatch, xContract);
  const oFree = freeAxes(other, oBatch, oContract);
  const nb = xBatch.length;
  const oFreeInG = oFree.map((_, i) => nb + i + (side === "a" ? xFree.length : 0));
  const gSame = g.dtype === other.dtype ? g : cast(g, other.dtype);
  // Result axes: batch, x's free axes, then the contracted axes in the order of `other`.
  const product = dot(gSame, other, {
    batch: [xBatch.map((_, i) => i), oBatch],
    contract: [oFreeInG, oFree],
    alpha: at.alpha,
    output: x.dtype === "bfloat16" ? "float32" : x.dtype,
  });
  const contractedOrder = [...oContract].sort((p, q) => p - q).map((axis) => xContract[oContract.indexOf(axis)]);
  const axes = [...xBatch, ...xFree, ...contractedOrder];
  const inPlace = transpose(
    product,
    x.shape.map((_, i) => axes.indexOf(i)),
  );
  return inPlace.dtype === x.dtype ? inPlace : cast(inPlace, x.dtype);
}

/** Which axes of the operands are batch axes and which are contracted. */
export interface DotOptions {
  /** Axes of both operands to multiply and sum over (default: the last of `a` with the second-to-last of `b`). */
  readonly contract: Axes;
  /** Batch axes of both operands; they come first in the result. */
  readonly batch?: Axes;
  /** Factor on the product (default: 1). */
  readonly alpha?: number;
  /** Dtype of the result (default: that of the operands). */
  readonly output?: DType;
}

/** Sum of products over the contracted axes; axes of the result: batch, free axes of `a`, free axes of `b`. */
export function dot(
  a: Tensor,
  b: Tensor,
  { contract, batch = [[], []], alpha = 1, output = a.dtype }: DotOptions,
): Tensor {
  return apply(dotPrimitive, [a, b], {
    aBatch: batch[0],
    bBatch: batch[1],
    aContract: contract[0],
    bContract: contract[1],
    alpha,
    output,
  });
}

/** `[..., m, k] × [..., k, n] → [..., m, n]` with equal leading axes, or a plain `[k, n]` on the right. */
export function matmul(a: Tensor, b: Tensor, alpha = 1): Tensor {
  const ra = a.shape.length;
  const rb = b.shape.length;
  if (rb === 2) return dot(a, b, { contract: [[ra - 1], [0]], alpha });
  const lead = Array.from({ length: ra - 2 }, (_, i) => i);
  return dot(a, b, { batch: [lead, lead], contract: [[ra - 1], [rb - 2]], alpha });
}

function dotValue(a: DenseValue, b: DenseValue, at: DotAttributes, shape: readonly number[]): Float64Array {
  const sa = strides(a.shape);
  const sb = strides(b.shape);
  const aFree = freeAxes(a, at.aBatch, at.aContract);
  const bFree = freeAxes(b, at.bBatch, at.bContract);
  const offsets = (sizes: readonly number[], steps: readonly number[]): number[] => {
    let list = [0];
    sizes.forEach((n, i) => {
      list = list.flatMap((o) => Array.from({ length: n }, (_, k) => o + k * steps[i]));
    });
    return list;
  };
  const over = (t: DenseValue, s: readonly number[], axes: readonly number[]) =>
    offsets(
      axes.map((i) => t.shape[i]),
      axes.map((i) => s[i]),
    );
  const [ab, bb] = [over(a, sa, at.aBatch), over(b, sb, at.bBatch)];
  const [af, bf] = [over(a, sa, aFree), over(b, sb, bFree)];
  const [ac, bc] = [over(a, sa, at.aContract), over(b, sb, at.bContract)];
  const y = new Float64Array(sizeOf(shape));
  let i = 0;
  ab.forEach((batchA, n) => {
    for (const fa of af) {
      for (const fb of bf) {
        let sum = 0;
        for (let k = 0; k < ac.length; k++) sum += a.data[batchA + fa + ac[k]] * b.data[bb[n] + fb + bc[k]];
        y[i++] = sum * at.alpha;
      }
    }
  });
  return y;
}

/** ONNX's products contract the last axes of stacked matrices, so each operand is brought to [batch…, rows, columns]. */
function onnxDot(node: Node<DotAttributes>, emit: OnnxEmitter<Tensor>): readonly string[] {
  if (emit.operators === "standard") return standardDot(node, emit);
  const { inputs, attributes, outputs } = node;
  const { aBatch, bBatch, aContract, bContract, alpha } = attributes;
  // Contracted axes in the order of `b`, the same for both.
  const order = bContract.map((_, i) => i).sort((p, q) => bContract[p] - bContract[q]);
  const left = asMatrices(
    inputs[0],
    aBatch,
    order.map((i) => aContract[i]),
    "contract-last",
    emit,
  );
  const right = asMatrices(
    inputs[1],
    bBatch,
    order.map((i) => bContract[i]),
    "contract-first",
    emit,
  );
  const batch = sizeOf(aBatch.map((i) => inputs[0].shape[i]));
  const flat = aBatch.length === 0 ? [left.rows, right.rows] : [batch, left.rows, right.rows];
  const transA = left.swapped ? 1 : 0;
  const transB = right.swapped ? 1 : 0;
  const [product] =
    aBatch.length === 0
      ? emit.op("Gemm", [left.name, right.name], {
          attributes: { transA: { int: transA }, transB: { int: transB }, alpha: { float: alpha } },
        })
      : emit.op("FusedMatMul", [left.name, right.name], {
          domain: "com.microsoft",
          attributes: { transA: { int: transA }, transB: { int: transB }, alpha: { float: alpha } },
        });
  const { shape } = outputs[0];
  const plain = shape.length === flat.length && shape.every((d, i) => d === flat[i]);
  return plain ? [product] : emit.op("Reshape", [product, emit.ints(shape)]);
}

/**
 * The same as MatMul, which takes stacks of matrices of any rank, `[batch…, rows, contracted] × [batch…, contracted,
 * columns]`; the left one may have several axes of rows if there is no batch.
 */
function standardDot(
  { inputs, attributes, outputs }: Node<DotAttributes>,
  emit: OnnxEmitter<Tensor>,
): readonly string[] {
  const [a, b] = inputs;
  const { aBatch, bBatch, aContract, bContract, alpha } = attributes;
  const [aFree, bFree] = [freeAxes(a, aBatch, aContract), freeAxes(b, bBatch, bContract)];
  const sizes = (t: Tensor, axes: readonly number[]) => axes.map((i) => t.shape[i]);
  const merged = (shape: readonly number[]) => [sizeOf(shape)];
  const lead = sizes(a, aBatch);
  const rows = lead.length === 0 && aFree.length > 0 ? sizes(a, aFree) : merged(sizes(a, aFree));
  const columns = merged(sizes(b, bFree));
  const inner = merged(sizes(a, aContract));
  // On the smaller operand the factor costs least.
  const scaleLeft = sizeOf(a.shape) <= sizeOf(b.shape);
  const operand = (t: Tensor, axes: readonly number[], shape: readonly number[], scaled: boolean) => {
    const value = emit.value(reshape(transpose(t, axes), shape));
    return scaled && alpha !== 1 ? emit.op("Mul", [value, emit.constant(t.dtype, [alpha])])[0] : value;
  };
  const [product] = emit.op("MatMul", [
    operand(a, [...aBatch, ...aFree, ...aContract], [...lead, ...rows, ...inner], scaleLeft),
    operand(b, [...bBatch, ...bContract, ...bFree], [...lead, ...inner, ...columns], !scaleLeft),
  ]);
  const found = [...lead, ...rows, ...columns];
  const { shape } = outputs[0];
  const plain = shape.length === found.length && shape.every((d, i) => d === found[i]);
  return plain ? [product] : emit.op("Reshape", [product, emit.ints(shape)]);
}

interface Matrices {
  readonly name: string;
  /** Product of the free sizes. */
  readonly rows: number;
  /** Whether the product has to read each matrix transposed. */
  readonly swapped: boolean;
}

function asMatrices(
  x: Tensor,
  batch: readonly number[],
  contract: readonly number[],
  natural: "contract-last" | "contract-first",
  emit: OnnxEmitter<Tensor>,
): Matrices {
  // A transposed operand is read from its source where that is already a stack of matrices.
  const through = applies(transposePrimitive, x.node) ? lookThrough(x, batch, contract) : undefined;
  for (const candidate of through ? [through, { x, batch, contract }] : [{ x, batch, contract }]) {
    const free = freeAxes(candidate.x, candidate.batch, candidate.contract);
    const rows = sizeOf(free.map((i) => candidate.x.shape[i]));
    const k = sizeOf(candidate.contract.map((i) => candidate.x.shape[i]));
    const n = sizeOf(candidate.batch.map((i) => candidate.x.shape[i]));
    const lead = candidate.batch.length === 0 ? [] : [n];
    const isIdentity = (axes: readonly number[]) => axes.every((axis, i) => axis === i);
    const last = isIdentity([...candidate.batch, ...free, ...candidate.contract]);
    const first = isIdentity([...candidate.batch, ...candidate.contract, ...free]);
    if (last || first) {
      const shape = last ? [...lead, rows, k] : [...lead, k, rows];
      return {
        name: flatten(emit.value(candidate.x), candidate.x.shape, shape, emit),
        rows,
        swapped: (natural === "contract-last") !== last,
      };
    }
  }
  const free = freeAxes(x, batch, contract);
  const axes = natural === "contract-last" ? [...batch, ...free, ...contract] : [...batch, ...contract, ...free];
  const [moved] = emit.op("Transpose", [emit.value(x)], { attributes: { perm: { ints: axes } } });
  const rows = sizeOf(free.map((i) => x.shape[i]));
  const k = sizeOf(contract.map((i) => x.shape[i]));
  const lead = batch.length === 0 ? [] : [sizeOf(batch.map((i) => x.shape[i]))];
  const shape = natural === "contract-last" ? [...lead, rows, k] : [...lead, k, rows];
  return {
    name: flatten(
      moved,
      axes.map((i) => x.shape[i]),
      shape,
      emit,
    ),
    rows,
    swapped: false,
  };
}

function lookThrough(x: Tensor, batch: readonly number[], contract: readonly number[]) {
  const permutation = x.node.attributes.permutation as readonly number[];
  const free = freeAxes(x, batch, contract).map((i) => permutation[i]);
  // The free axes must keep their order, or the rows of the product would be permuted.
  if (!free.every((axis, i) => i === 0 || free[i - 1] < axis)) return undefined;
  return {
    x: x.node.inputs[0],
    batch: batch.map((i) => permutation[i]),
    contract: contract.map((i) => permutation[i]),
  };
}

function flatten(name: string, from: readonly number[], to: readonly number[], emit: OnnxEmitter<Tensor>): string {
  const same = from.length === to.length && from.every((d, i) => d === to[i]);
  return same ? name : emit.op("Reshape", [name, emit.ints(to)])[0];
}
