/** Entries of tensors at positions that are data. */
import { ShapeError } from "../../errors/errors.js";
import { apply, normalizeAxis, type Primitive, type Tensor } from "../graph.js";
import { sizeOf } from "../host.js";
import { describe } from "../tensor-type.js";
import { add, mul } from "./arithmetic.js";
import { cast } from "./cast.js";
import { compare } from "./compare.js";
import { dot } from "./dot.js";
import { reshape, transpose } from "./layout.js";
import { iota } from "./leaf.js";
import { remap } from "./slicing.js";

const gatherPrimitive: Primitive<{ axis: number }> = {
  name: "gather",
  infer: ([x, index], { axis }) => {
    if (index.dtype !== "int32" || index.shape.length !== 1) {
      throw new ShapeError(`gather got an index of ${describe(index)}; it needs int32 with one axis.`);
    }
    return [{ dtype: x.dtype, shape: x.shape.map((d, i) => (i === axis ? index.shape[0] : d)) }];
  },
  // Scatter-add as a product with the indicator matrix [size of axis, indices].
  gradient: ({ inputs: [x, index], attributes: { axis } }, [g]) => {
    if (!g) return [undefined, undefined];
    const n = x.shape[axis];
    const hit = cast(compare("EQ", iota("int32", [n, index.shape[0]], 0), reshape(index, [1, -1])), x.dtype);
    const summed = dot(hit, g, { contract: [[1], [axis]] });
    const order = x.shape.map((_, i) => (i === axis ? 0 : i < axis ? i + 1 : i));
    return [transpose(summed, order), undefined];
  },
  evaluate: ([x, index], { axis }, [out]) => [
    remap(out.shape, x, (p) => p.map((v, i) => (i === axis ? index.data[v] : v))),
  ],
  onnx: ({ inputs: [x, index], attributes: { axis } }, emit) =>
    emit.op("Gather", [emit.value(x), emit.value(index)], { attributes: { axis: { int: axis } } }),
  stablehlo: ({ inputs: [x, index], outputs: [y], attributes: { axis } }, emit) => {
    const offset = y.shape.map((_, i) => i).filter((i) => i !== axis);
    const sizes = x.shape.map((d, i) => (i === axis ? 1 : d));
    const numbers = `#stablehlo.gather<offset_dims = [${offset.join(", ")}], collapsed_slice_dims = [${axis}], start_index_map = [${axis}], index_vector_dim = 1>`;
    return [
      emit.op(
        `"stablehlo.gather"(${emit.value(x)}, ${emit.value(index)}) <{dimension_numbers = ${numbers}, indices_are_sorted = false, slice_sizes = array<i64: ${sizes.join(", ")}>}> : (${emit.type(x)}, ${emit.type(index)}) -> ${emit.type(y)}`,
      ),
    ];
  },
};

/** Entries of `x` along `axis` at the int32 positions `index` `[n]`. Positions must lie inside the axis. */
export function gather(x: Tensor, index: Tensor, axis: number): Tensor {
  return apply(gatherPrimitive, [x, index], { axis: normalizeAxis(axis, x.shape.length, "gather") });
}

const gatherRowsPrimitive: Primitive = {
  name: "gatherRows",
  infer: ([x, index]) => {
    const [batch, , ...row] = x.shape;
    if (index.dtype !== "int32" || index.shape.length !== 2 || x.shape.length < 2 || index.shape[0] !== batch) {
      throw new ShapeError(
        `gatherRows of ${describe(x)} got an index of ${describe(index)}; it needs int32 with two axes, the first as that of the tensor.`,
      );
    }
    return [{ dtype: x.dtype, shape: [...index.shape, ...row] }];
  },
  // As for gather, for each batch entry.
  gradient: ({ inputs: [x, index] }, [g]) => {
    if (!g) return [undefined, undefined];
    const [batch, n] = x.shape;
    const count = index.shape[1];
    const at = reshape(index, [batch, 1, count]);
    const hit = cast(compare("EQ", iota("int32", [batch, n, count], 1), at), x.dtype);
    const summed = dot(hit, reshape(g, [batch, count, -1]), { batch: [[0], [0]], contract: [[2], [1]] });
    return [reshape(summed, x.shape), undefined];
  },
  // Rows of one matrix; an engine with several devices would have to move rows between them for it.
  expand: ({ inputs: [x, index], outputs: [y] }) => {
    const [batch, n, ...row] = x.shape;
    const flat = add(index, mul(iota("int32", index.shape, 0), n));
    return [reshape(gather(reshape(x, [batch * n, sizeOf(row)]), reshape(flat, [-1]), 0), y.shape)];
  },
  stablehlo: ({ inputs: [x, index], outputs: [y] }, emit) => {
    const offset = y.shape.map((_, i) => i).slice(2);
    const sizes = x.shape.map((d, i) => (i < 2 ? 1 : d));
    const numbers = `#stablehlo.gather<offset_dims = [${offset.join(", ")}], collapsed_slice_dims = [1], operand_batching_dims = [0], start_indices_batching_dims = [0], start_index_map = [1], index_vector_dim = 2>`;
    return [
      emit.op(
        `"stablehlo.gather"(${emit.value(x)}, ${emit.value(index)}) <{dimension_numbers = ${numbers}, indices_are_sorted = false, slice_sizes = array<i64: ${sizes.join(", ")}>}> : (${emit.type(x)}, ${emit.type(index)}) -> ${emit.type(y)}`,
      ),
    ];
  },
};

/**
 * Rows of each entry of a batch, at positions of its own: `[batch, n, ...]` and int32 `index` `[batch, count]` to `[batch, count,
 * ...]`. Positions must lie from 0 to n-1.
 */
export function gatherRows(x: Tensor, index: Tensor): Tensor {
  return apply(gatherRowsPrimitive, [x, index], {});
}
