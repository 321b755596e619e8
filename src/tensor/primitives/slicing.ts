/** Parts of tensors: slice, pad, concat, split, reverse. */
import { ShapeError } from "../../errors/errors.js";
import { strides } from "../dense.js";
import { apply, applyAll, normalizeAxis, type Primitive, type Tensor } from "../graph.js";
import { sizeOf } from "../host.js";
import { describe } from "../tensor-type.js";
import { broadcast } from "./broadcast.js";
import { reshape } from "./layout.js";
import { scalar } from "./leaf.js";

/** Copies with a map from output position to input position; -1 leaves `fill`. */
export function remap(
  shape: readonly number[],
  from: { shape: readonly number[]; data: Float64Array },
  source: (position: readonly number[]) => readonly number[] | undefined,
  fill = 0,
): Float64Array {
  const s = strides(from.shape);
  const to = strides(shape);
  return Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
    const at = source(shape.map((d, k) => Math.floor(i / to[k]) % d));
    return at ? from.data[at.reduce((sum, p, k) => sum + p * s[k], 0)] : fill;
  });
}

export const slicePrimitive: Primitive<{
  /** First index of each axis. */
  start: readonly number[];
  /** Index after the last of each axis. */
  end: readonly number[];
}> = {
  name: "slice",
  infer: ([x], { start, end }) => {
    if (start.length !== x.shape.length || !start.every((s, i) => s >= 0 && s <= end[i] && end[i] <= x.shape[i])) {
      throw new ShapeError(
        `slice of ${describe(x)} got [${start.join(", ")}] to [${end.join(", ")}]; each range must lie inside its axis.`,
      );
    }
    return [{ dtype: x.dtype, shape: start.map((s, i) => end[i] - s) }];
  },
  gradient: ({ inputs: [x], attributes: { start, end } }, [g]) => [
    g &&
      pad(
        g,
        start,
        end.map((e, i) => x.shape[i] - e),
      ),
  ],
  evaluate: ([x], { start }, [out]) => [remap(out.shape, x, (p) => p.map((v, i) => v + start[i]))],
  onnx: ({ inputs: [x], attributes: { start, end } }, emit) => {
    const axes = start.map((_, i) => i).filter((i) => start[i] !== 0 || end[i] !== x.shape[i]);
    return emit.op("Slice", [
      emit.value(x),
      emit.ints(axes.map((i) => start[i])),
      emit.ints(axes.map((i) => end[i])),
      emit.ints(axes),
    ]);
  },
  stablehlo: ({ inputs: [x], outputs: [y], attributes: { start, end } }, emit) => [
    emit.op(
      `stablehlo.slice ${emit.value(x)} [${start.map((s, i) => `${s}:${end[i]}`).join(", ")}] : (${emit.type(x)}) -> ${emit.type(y)}`,
    ),
  ],
};

/** Positions `start` up to (not including) `end` along one axis; negative ends count from the back. */
export function slice(
  x: Tensor,
  axis: number,
  start: number,
  end: number = x.shape[axis < 0 ? axis + x.shape.length : axis],
): Tensor {
  const a = normalizeAxis(axis, x.shape.length, "slice");
  const n = x.shape[a];
  const from = start < 0 ? start + n : start;
  const to = end < 0 ? end + n : end;
  if (from === 0 && to === n) return x;
  return apply(slicePrimitive, [x], {
    start: x.shape.map((_, i) => (i === a ? from : 0)),
    end: x.shape.map((d, i) => (i === a ? to : d)),
  });
}

/** Entry `index` along an axis, which is removed. */
export function take(x: Tensor, axis: number, index: number): Tensor {
  const a = normalizeAxis(axis, x.shape.length, "take");
  const i = index < 0 ? index + x.shape[a] : index;
  return reshape(
    slice(x, a, i, i + 1),
    x.shape.filter((_, k) => k !== a),
  );
}

const padPrimitive: Primitive<{ low: readonly number[]; high: readonly number[] }> = {
  name: "pad",
  infer: ([x], { low, high }) => {
    if (low.length !== x.shape.length || high.length !== x.shape.length || [...low, ...high].some((p) => p < 0)) {
      throw new ShapeError(
        `pad of ${describe(x)} got [${low.join(", ")}] and [${high.join(", ")}]; give 0 or more per axis, before and after.`,
      );
    }
    return [{ dtype: x.dtype, shape: x.shape.map((d, i) => d + low[i] + high[i]) }];
  },
  gradient: ({ inputs: [x], attributes: { low } }, [g]) => {
    if (!g) return [undefined];
    const end = low.map((l, i) => l + x.shape[i]);
    return [apply(slicePrimitive, [g], { start: low, end })];
  },
  evaluate: ([x], { low }, [out]) => [
    remap(out.shape, x, (p) => {
      const at = p.map((v, i) => v - low[i]);
      return at.every((v, i) => v >= 0 && v < x.shape[i]) ? at : undefined;
    }),
  ],
  onnx: ({ inputs: [x], attributes: { low, high } }, emit) =>
    emit.op("Pad", [emit.value(x), emit.ints([...low, ...high]), emit.constant(x.dtype, [0])]),
  stablehlo: ({ inputs: [x], outputs: [y], attributes: { low, high } }, emit) => {
    const zero = emit.constant({ dtype: x.dtype, shape: [] }, [0]);
    const none = low.map(() => 0).join(", ");
    return [
      emit.op(
        `stablehlo.pad ${emit.value(x)}, ${zero}, low = [${low.join(", ")}], high = [${high.join(", ")}], interior = [${none}] : (${emit.type(x)}, ${emit.type({ dtype: x.dtype, shape: [] })}) -> ${emit.type(y)}`,
      ),
    ];
  },
};

/** Zeros before (`low`) and after (`high`) each axis. */
export function pad(x: Tensor, low: readonly number[], high: readonly number[]): Tensor {
  return [...low, ...high].every((p) => p === 0) ? x : apply(padPrimitive, [x], { low, high });
}

export const concatPrimitive: Primitive<{
  /** The axis along which tensors are joined. */
  axis: number;
}> = {
  name: "concat",
  infer: (inputs, { axis }) => {
    const [first] = inputs;
    for (const t of inputs) {
      if (
        t.dtype !== first.dtype ||
        t.shape.length !== first.shape.length ||
        t.shape.some((d, i) => i !== axis && d !== first.shape[i])
      ) {
        throw new ShapeError(
          `concat along axis ${axis} got ${describe(first)} and ${describe(t)}; all other sizes and the dtypes must agree.`,
        );
      }
    }
    const n = inputs.reduce((sum, t) => sum + t.shape[axis], 0);
    return [{ dtype: first.dtype, shape: first.shape.map((d, i) => (i === axis ? n : d)) }];
  },
  gradient: ({ inputs, attributes: { axis } }, [g]) => {
    let at = 0;
    return inputs.map((t) => {
      at += t.shape[axis];
      return g && slice(g, axis, at - t.shape[axis], at);
    });
  },
  evaluate: (inputs, { axis }, [out]) => {
    const y = new Float64Array(sizeOf(out.shape));
    const inner = sizeOf(out.shape.slice(axis + 1));
    const outer = sizeOf(out.shape.slice(0, axis));
    let at = 0;
    for (const t of inputs) {
      const run = t.shape[axis] * inner;
      for (let o = 0; o < outer; o++) y.set(t.data.subarray(o * run, (o + 1) * run), o * out.shape[axis] * inner + at);
      at += run;
    }
    return [y];
  },
  onnx: ({ inputs, attributes: { axis } }, emit) =>
    emit.op(
      "Concat",
      inputs.map((t) => emit.value(t)),
      { attributes: { axis: { int: axis } } },
    ),
  stablehlo: ({ inputs, outputs: [y], attributes: { axis } }, emit) => [
    emit.op(
      `stablehlo.concatenate ${inputs.map((t) => emit.value(t)).join(", ")}, dim = ${axis} : (${inputs.map((t) => emit.type(t)).join(", ")}) -> ${emit.type(y)}`,
    ),
  ],
};

/** Concatenates tensors along `axis`. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 0) throw new ShapeError("concat got no tensors; it needs at least one.");
  if (tensors.length === 1) return tensors[0];
  return apply(concatPrimitive, tensors, { axis: normalizeAxis(axis, tensors[0].shape.length, "concat") });
}

const splitPrimitive: Primitive<{ axis: number; parts: number }> = {
  name: "split",
  infer: ([x], { axis, parts }) => {
    if (x.shape[axis] % parts !== 0) {
      throw new ShapeError(
        `split of ${describe(x)} into ${parts} parts along axis ${axis}: ${x.shape[axis]} is not divisible by ${parts}.`,
      );
    }
    const part = { dtype: x.dtype, shape: x.shape.map((d, i) => (i === axis ? d / parts : d)) };
    return Array.from({ length: parts }, () => part);
  },
  gradient: ({ outputs, attributes: { axis } }, cotangents) => {
    if (cotangents.every((g) => g === undefined)) return [undefined];
    return [
      concat(
        outputs.map((part, i) => cotangents[i] ?? broadcast(scalar(0, part.dtype), part.shape)),
        axis,
      ),
    ];
  },
  expand: ({ inputs: [x], outputs, attributes: { axis } }) =>
    outputs.map((part, i) => slice(x, axis, i * part.shape[axis], (i + 1) * part.shape[axis])),
  onnx: ({ inputs: [x], outputs, attributes: { axis, parts } }, emit) =>
    emit.op("Split", [emit.value(x), emit.ints(outputs.map(({ shape }) => shape[axis]))], {
      attributes: { axis: { int: axis } },
      outputs: parts,
    }),
};

/** Equal parts along `axis`; unlike with slices, their cotangents are concatenated at once. */
export function split(x: Tensor, parts: number, axis: number): readonly Tensor[] {
  return applyAll(splitPrimitive, [x], { axis: normalizeAxis(axis, x.shape.length, "split"), parts });
}

const reversePrimitive: Primitive<{ axis: number }> = {
  name: "reverse",
  infer: ([x]) => [x],
  gradient: ({ attributes: { axis } }, [g]) => [g && reverse(g, axis)],
  evaluate: ([x], { axis }, [out]) => [
    remap(out.shape, x, (p) => p.map((v, i) => (i === axis ? x.shape[i] - 1 - v : v))),
  ],
  onnx: ({ inputs: [x], attributes: { axis } }, emit) =>
    emit.op("Slice", [emit.value(x), emit.ints([-1]), emit.ints([-(2 ** 31)]), emit.ints([axis]), emit.ints([-1])]),
  stablehlo: ({ inputs: [x], attributes: { axis } }, emit) => [
    emit.op(`stablehlo.reverse ${emit.value(x)}, dims = [${axis}] : ${emit.type(x)}`),
  ],
};

/** Reverses the order along `axis`. */
export function reverse(x: Tensor, axis: number): Tensor {
  const a = normalizeAxis(axis, x.shape.length, "reverse");
  return x.shape[a] === 1 ? x : apply(reversePrimitive, [x], { axis: a });
}
