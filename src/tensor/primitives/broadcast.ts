/** Broadcasting and its reverse, summing: each is the other's gradient. */
import { ShapeError } from "../../errors/errors.js";
import { reduceWith, strides } from "../dense.js";
import { apply, normalizeAxis, type Primitive, sameShape, type Tensor } from "../graph.js";
import { type Shape, sizeOf } from "../host.js";
import { describe } from "../tensor-type.js";
import { reshape } from "./layout.js";

export const broadcastPrimitive: Primitive<{
  /** The shape of the result. */
  shape: readonly number[];
}> = {
  name: "broadcast",
  trait: "aliasing",
  infer: ([x], { shape }) => {
    const offset = shape.length - x.shape.length;
    if (offset < 0 || !x.shape.every((d, i) => d === 1 || d === shape[offset + i])) {
      throw new ShapeError(
        `broadcast cannot extend ${describe(x)} to [${shape.join(", ")}]; counted from the last axis, each size must be equal or 1.`,
      );
    }
    return [{ dtype: x.dtype, shape }];
  },
  gradient: ({ inputs: [x] }, [g]) => [g && sumTo(g, x.shape)],
  evaluate: ([x], _, [out]) => {
    const offset = out.shape.length - x.shape.length;
    const from = strides(x.shape);
    const to = strides(out.shape);
    const y = new Float64Array(sizeOf(out.shape));
    for (let i = 0; i < y.length; i++) {
      let rest = i;
      let source = 0;
      for (let d = 0; d < out.shape.length; d++) {
        const k = Math.floor(rest / to[d]);
        rest -= k * to[d];
        if (d >= offset && x.shape[d - offset] !== 1) source += k * from[d - offset];
      }
      y[i] = x.data[source];
    }
    return [y];
  },
  onnx: ({ inputs, attributes }, emit) => emit.op("Expand", [emit.value(inputs[0]), emit.ints(attributes.shape)]),
  stablehlo: ({ inputs: [x], outputs: [y] }, emit) => {
    const offset = y.shape.length - x.shape.length;
    const dims = x.shape.map((_, i) => offset + i).join(", ");
    return [
      emit.op(`stablehlo.broadcast_in_dim ${emit.value(x)}, dims = [${dims}] : (${emit.type(x)}) -> ${emit.type(y)}`),
    ];
  },
};

/** Repeats `x` to `shape`, axes aligned from the last, as NumPy does. */
export function broadcast(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply(broadcastPrimitive, [x], { shape });
}

/** The shape two shapes broadcast to; `call` names the function in the error. */
export function broadcastShape(call: string, a: Tensor, b: Tensor): Shape {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, i) => {
    const da = a.shape[i - rank + a.shape.length] ?? 1;
    const db = b.shape[i - rank + b.shape.length] ?? 1;
    if (da !== db && da !== 1 && db !== 1) {
      throw new ShapeError(
        `${call} got ${describe(a)} and ${describe(b)}: sizes ${da} and ${db} of axis ${i - rank} do not fit; they must be equal or one of them 1.`,
      );
    }
    return da === 1 ? db : da;
  });
}

const reduceSumPrimitive: Primitive<{ axes: readonly number[] }> = {
  name: "reduceSum",
  infer: ([x], { axes }) => [{ dtype: x.dtype, shape: x.shape.filter((_, i) => !axes.includes(i)) }],
  gradient: ({ inputs: [x], attributes: { axes } }, [g]) => [
    g &&
      broadcast(
        reshape(
          g,
          x.shape.map((d, i) => (axes.includes(i) ? 1 : d)),
        ),
        x.shape,
      ),
  ],
  evaluate: ([x], { axes }, [out]) => [reduceWith(x, axes, out.shape, 0, (a, b) => a + b)],
  onnx: ({ inputs: [x], attributes: { axes } }, emit) =>
    emit.op("ReduceSum", [emit.value(x), emit.ints(axes)], { attributes: { keepdims: { int: 0 } } }),
  stablehlo: ({ inputs: [x], outputs: [y], attributes: { axes } }, emit) => {
    const zero = emit.constant({ dtype: x.dtype, shape: [] }, [0]);
    const scalarType = emit.type({ dtype: x.dtype, shape: [] });
    return [
      emit.op(
        `stablehlo.reduce(${emit.value(x)} init: ${zero}) applies stablehlo.add across dimensions = [${axes.join(", ")}] : (${emit.type(x)}, ${scalarType}) -> ${emit.type(y)}`,
      ),
    ];
  },
};

/** Sum over `axes` (default: all); the axes disappear unless `keep`. */
export function reduceSum(x: Tensor, axes?: readonly number[], keep = false): Tensor {
  const chosen = normalizeAxes("reduceSum", x, axes);
  const y = chosen.length === 0 ? x : apply(reduceSumPrimitive, [x], { axes: chosen });
  return keep ? reshape(y, keptShape(x.shape, chosen)) : y;
}

export function normalizeAxes(call: string, x: Tensor, axes?: readonly number[]): number[] {
  const all = axes ?? x.shape.map((_, i) => i);
  return [...new Set(all.map((a) => normalizeAxis(a, x.shape.length, call)))].sort((a, b) => a - b);
}

export function keptShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((d, i) => (axes.includes(i) ? 1 : d));
}

/** Sums `g` down to `shape`: the gradient of broadcasting. */
function sumTo(g: Tensor, shape: Shape): Tensor {
  const offset = g.shape.length - shape.length;
  const axes = g.shape.map((_, i) => i).filter((i) => i < offset || (shape[i - offset] === 1 && g.shape[i] !== 1));
  return reshape(reduceSum(g, axes), shape);
}
