/** Two-dimensional convolution with groups, and its two gradients, each again a convolution. */
import { ShapeError } from "../../errors/errors.js";
import type { DenseValue } from "../dense.js";
import { type Attributes, apply, type EngineKind, type Primitive, type Tensor } from "../graph.js";
import { sizeOf } from "../host.js";
import { describe, type TensorType } from "../tensor-type.js";
import { broadcast, reduceSum } from "./broadcast.js";
import { cast } from "./cast.js";
import { compare } from "./compare.js";
import { type Axes, dot } from "./dot.js";
import { reshape, transpose } from "./layout.js";
import { iota } from "./leaf.js";
import { concat, pad, reverse, slice } from "./slicing.js";

type Pair = readonly [number, number];

interface ConvolutionAttributes extends Attributes {
  readonly strides: Pair;
  /** Distance between the kernel's taps. */
  readonly dilations: Pair;
  /** Zeros inserted between the input's pixels; 1 inserts none. */
  readonly baseDilations: Pair;
  /** Zeros before and after each side. */
  readonly low: Pair;
  readonly high: Pair;
  readonly groups: number;
}

const spread = (n: number, dilation: number): number => (n - 1) * dilation + 1;

function outputSize(x: TensorType, w: TensorType, a: ConvolutionAttributes, i: 0 | 1): number {
  const room =
    spread(x.shape[2 + i], a.baseDilations[i]) + a.low[i] + a.high[i] - spread(w.shape[2 + i], a.dilations[i]);
  return Math.floor(room / a.strides[i]) + 1;
}

const convolutionPrimitive: Primitive<ConvolutionAttributes> = {
  name: "convolution",
  infer: ([x, w], a) => {
    const fits =
      x.shape.length === 4 &&
      w.shape.length === 4 &&
      x.dtype === w.dtype &&
      x.shape[1] === w.shape[1] * a.groups &&
      w.shape[0] % a.groups === 0;
    if (!fits) {
      throw new ShapeError(
        `conv2d got an input of ${describe(x)} and a kernel of ${describe(w)} in ${a.groups} groups; it needs [batch, in, height, width] and [out, in / groups, height, width] with out divisible by the groups.`,
      );
    }
    const [height, width] = [outputSize(x, w, a, 0), outputSize(x, w, a, 1)];
    if (height < 1 || width < 1) {
      throw new ShapeError(
        `conv2d of ${describe(x)} with a kernel of ${describe(w)} leaves no output; the kernel is larger than the padded input.`,
      );
    }
    return [{ dtype: x.dtype, shape: [x.shape[0], w.shape[0], height, width] }];
  },
  gradient: ({ inputs: [x, w], attributes }, [g]) => {
    if (!g) return [undefined, undefined];
    return [inputGradient(g, w, x.shape, attributes), weightGradient(x, g, w.shape, attributes)];
  },
  evaluate: ([x, w], a, [y]) => [convolve(x, w, a, y.shape)],
  onnx: ({ inputs: [x, w], attributes: a }, emit) =>
    emit.op("Conv", [emit.value(x), emit.value(w)], {
      attributes: {
        strides: { ints: a.strides },
        dilations: { ints: a.dilations },
        pads: { ints: [...a.low, ...a.high] },
        group: { int: a.groups },
      },
    }),
  stablehlo: ({ inputs: [x, w], outputs: [y], attributes: a }, emit) => {
    const pads = `[[${a.low[0]}, ${a.high[0]}], [${a.low[1]}, ${a.high[1]}]]`;
    const window = `{stride = [${a.strides.join(", ")}], pad = ${pads}, lhs_dilate = [${a.baseDilations.join(", ")}], rhs_dilate = [${a.dilations.join(", ")}]}`;
    return [
      emit.op(
        `stablehlo.convolution(${emit.value(x)}, ${emit.value(w)}) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1], window = ${window} {batch_group_count = 1 : i64, feature_group_count = ${a.groups} : i64} : (${emit.type(x)}, ${emit.type(w)}) -> ${emit.type(y)}`,
      ),
    ];
  },
};

interface InputGradientAttributes extends ConvolutionAttributes {
  /** Shape of the input. */
  readonly shape: readonly number[];
}

/**
 * Cotangent of the input from that of the output and the kernel: the output's, dilated by the strides, with the kernel
 * flipped.
 */
const inputGradientPrimitive: Primitive<InputGradientAttributes> = {
  name: "convolutionInputGradient",
  infer: ([g], { shape }) => [{ dtype: g.dtype, shape }],
  // It is linear in both, and its transpose is the convolution itself.
  gradient: ({ inputs: [g, w], attributes: { shape: _, ...a } }, [c]) => {
    if (!c) return [undefined, undefined];
    return [apply(convolutionPrimitive, [c, w], a), weightGradient(c, g, w.shape, a)];
  },
  expand: ({ inputs: [g, w], attributes: a }, { engine }) => {
    if (isPointwise(w, a) && engine !== "onnx") return [pointwiseInputGradient(g, w, a.shape)];
    const window = gradientWindow(g, w, a);
    // ONNX Runtime convolves several times as fast as it transposes a convolution, but inserts no zeros.
    const inserts = [...a.strides, ...a.baseDilations].some((v) => v !== 1);
    const cuts = [...window.low, ...window.high].some((v) => v < 0);
    if (engine === "onnx" && (inserts || cuts)) return [apply(transposedConvolutionPrimitive, [g, w], a)];
    return [inputGradientByConvolution(g, w, a)];
  },
};

const inputGradientByConvolution = (g: Tensor, w: Tensor, a: InputGradientAttributes): Tensor =>
  apply(convolutionPrimitive, [g, turned(w, a.groups)], gradientWindow(g, w, a));

/** The convolution of the output's cotangent with the turned kernel that gives the input's. */
function gradientWindow(g: Tensor, w: Tensor, a: InputGradientAttributes): ConvolutionAttributes {
  const low = pair((i) => spread(w.shape[2 + i], a.dilations[i]) - 1 - a.low[i]);
  const high = pair(
    (i) => a.shape[2 + i] - spread(g.shape[2 + i], a.strides[i]) + spread(w.shape[2 + i], a.dilations[i]) - 1 - low[i],
  );
  const { dilations, groups } = a;
  return { strides: a.baseDilations, dilations, baseDilations: a.strides, low, high, groups };
}

/** A kernel with its taps reversed, and the channels of input and output exchanged in each group. */
function turned(w: Tensor, groups: number): Tensor {
  const [out, inner, kh, kw] = w.shape;
  const taps = reverse(reverse(w, 2), 3);
  const grouped = transpose(reshape(taps, [groups, out / groups, inner, kh, kw]), [0, 2, 1, 3, 4]);
  return reshape(grouped, [groups * inner, out / groups, kh, kw]);
}

/** The input's cotangent of a convolution that skips pixels, as ONNX Runtime has it. */
const transposedConvolutionPrimitive: Primitive<InputGradientAttributes> = {
  name: "transposedConvolution",
  infer: ([g], { shape }) => [{ dtype: g.dtype, shape }],
  expand: ({ inputs: [g, w], attributes: a }) => [inputGradientByConvolution(g, w, a)],
  onnx: ({ inputs: [g, w], attributes: a }, emit) => {
    const extra = pair((i) => {
      const natural =
        (g.shape[2 + i] - 1) * a.strides[i] + spread(w.shape[2 + i], a.dilations[i]) - a.low[i] - a.high[i];
      return a.shape[2 + i] - natural;
    });
    return emit.op("ConvTranspose", [emit.value(g), emit.value(w)], {
      attributes: {
        strides: { ints: a.strides },
        dilations: { ints: a.dilations },
        pads: { ints: [...a.low, ...a.high] },
        output_padding: { ints: extra },
        group: { int: a.groups },
      },
    });
  },
};

const inputGradient = (g: Tensor, w: Tensor, shape: readonly number[], a: ConvolutionAttributes): Tensor =>
  apply(inputGradientPrimitive, [g, w], { ...a, shape: [...shape] });

/** The cotangent of the input of a pointwise kernel, as a matrix product for each image. */
function pointwiseInputGradient(g: Tensor, w: Tensor, shape: readonly number[]): Tensor {
  const [batch, out, height, width] = g.shape;
  const [, inner] = w.shape;
  const pixels = reshape(g, [batch, out, height * width]);
  const kernel = broadcast(reshape(w, [1, out, inner]), [batch, out, inner]);
  return reshape(dot(kernel, pixels, { batch: [[0], [0]], contract: [[1], [1]] }), shape);
}

const isPointwise = (w: TensorType, a: ConvolutionAttributes): boolean =>
  w.shape[2] * w.shape[3] * a.groups === 1 && [...a.strides, ...a.baseDilations].every((v) => v === 1) && !isPadded(a);

const isPadded = (a: ConvolutionAttributes): boolean => [...a.low, ...a.high].some((v) => v !== 0);

interface WeightGradientAttributes extends ConvolutionAttributes {
  /** Shape of the kernel. */
  readonly shape: readonly number[];
}

/** Cotangent of the kernel from the input and the cotangent of the output. */
const weightGradientPrimitive: Primitive<WeightGradientAttributes> = {
  name: "convolutionWeightGradient",
  infer: ([x], { shape }) => [{ dtype: x.dtype, shape }],
  gradient: ({ inputs: [x, g], attributes: { shape: _, ...a } }, [c]) => {
    if (!c) return [undefined, undefined];
    return [inputGradient(g, c, x.shape, a), apply(convolutionPrimitive, [x, c], a)];
  },
  expand: ({ inputs: [x, g], attributes: { shape, ...a } }, { engine, platform }) => {
    if (platform !== "cpu" || a.baseDilations.some((v) => v !== 1))
      return [weightGradientByConvolution(x, g, shape, a)];
    const moved = shape[2] * shape[3] > 1 || isPadded(a) || a.strides.some((v) => v !== 1);
    const patches = engine === "onnx" && moved ? patchesByConvolution(x, shape, a) : patchesBySlices(x, g, shape, a);
    return [weightGradientByPatches(patches, g, shape, a, engine)];
  },
};

const weightGradient = (x: Tensor, g: Tensor, shape: readonly number[], a: ConvolutionAttributes): Tensor =>
  apply(weightGradientPrimitive, [x, g], { ...a, shape: [...shape] });

/**
 * The input's channels against the output's cotangent as a kernel, with batch and channels exchanged, and strides and
 * dilations too: what accelerator libraries call the backward convolution.
 */
function weightGradientByConvolution(
  x: Tensor,
  g: Tensor,
  kernel: readonly number[],
  a: ConvolutionAttributes,
): Tensor {
  const [batch, , height, width] = x.shape;
  const [out, inner, kh, kw] = kernel;
  const { groups } = a;
  const channels = transpose(reshape(x, [batch, groups, inner, height, width]), [2, 1, 0, 3, 4]);
  const product = apply(
    convolutionPrimitive,
    [reshape(channels, [inner, groups * batch, height, width]), transpose(g, [1, 0, 2, 3])],
    { strides: a.dilations, dilations: a.strides, baseDilations: a.baseDilations, low: a.low, high: a.high, groups },
  );
  const cut = slice(slice(product, 2, 0, kh), 3, 0, kw);
  return reshape(transpose(cut, [1, 0, 2, 3]), [out, inner, kh, kw]);
}

/**
 * Products of the cotangent with the pixels that each tap of the kernel read. CPU libraries are made for small kernels
 * and take many times as long for one as large as the image. `patches` are `[batch, in, taps, pixels]`, in any shape.
 */
function weightGradientByPatches(
  patches: Tensor,
  g: Tensor,
  kernel: readonly number[],
  { groups }: ConvolutionAttributes,
  engine: EngineKind,
): Tensor {
  const [batch, out, height, width] = g.shape;
  const pixels = height * width;
  const rows = sizeOf(kernel.slice(1));
  const cotangents = reshape(g, [batch, groups, out / groups, pixels]);
  const taps = reshape(patches, [batch, groups, rows, pixels]);
  const both = (axes: readonly number[]): Axes => [axes, axes];
  // One product over all images pays where they have fewer numbers than their products.
  if (engine === "onnx" && (rows * groups + out) * pixels < rows * out) {
    const besides = (t: Tensor) => reshape(transpose(t, [1, 2, 0, 3]), [groups, t.shape[2], batch * pixels]);
    return reshape(dot(besides(cotangents), besides(taps), { batch: both([0]), contract: both([2]) }), kernel);
  }
  const products = dot(cotangents, taps, { batch: both([0, 1]), contract: both([3]) });
  return reshape(reduceSum(products, [0]), kernel);
}

/**
 * The patches as a convolution of each channel with kernels of a single 1, one for each tap. ONNX Runtime gathers pixels
 * for its convolutions in all threads, but slices in one, element by element where it skips pixels.
 */
function patchesByConvolution(x: Tensor, [, , kh, kw]: readonly number[], a: ConvolutionAttributes): Tensor {
  const taps = kh * kw;
  const channels = x.shape[1];
  const identity = compare("EQ", iota("int32", [taps, taps], 0), iota("int32", [taps, taps], 1));
  const kernels = broadcast(cast(identity, x.dtype), [channels, taps, taps]);
  return apply(convolutionPrimitive, [x, reshape(kernels, [channels * taps, 1, kh, kw])], { ...a, groups: channels });
}

/** The patches as shifted parts of the input. */
function patchesBySlices(x: Tensor, g: Tensor, kernel: readonly number[], a: ConvolutionAttributes): Tensor {
  const [batch, , height, width] = g.shape;
  const [, , kh, kw] = kernel;
  const { strides: s, dilations: d } = a;
  // Padding after the last pixel, so that each tap's window is a whole number of strides.
  const room = pair((i) => Math.max(0, (kernel[2 + i] - 1) * d[i] + g.shape[2 + i] * s[i] - a.low[i] - x.shape[2 + i]));
  const wide = isPadded(a) || room.some((v) => v > 0) ? pad(x, [0, 0, ...a.low], [0, 0, room[0], room[1]]) : x;
  const taps: Tensor[] = [];
  for (let k = 0; k < kh; k++) {
    const rows = everyNth(wide, 2, k * d[0], height, s[0]);
    for (let l = 0; l < kw; l++)
      taps.push(reshape(everyNth(rows, 3, l * d[1], width, s[1]), [batch, x.shape[1], 1, height * width]));
  }
  return taps.length === 1 ? taps[0] : concat(taps, 2);
}

/** `count` positions along an axis, `step` apart, starting at `start`. */
function everyNth(x: Tensor, axis: number, start: number, count: number, step: number): Tensor {
  const part = slice(x, axis, start, start + count * step);
  if (step === 1) return part;
  const spaced = reshape(part, [...x.shape.slice(0, axis), count, step, ...x.shape.slice(axis + 1)]);
  return reshape(slice(spaced, axis + 1, 0, 1), [...x.shape.slice(0, axis), count, ...x.shape.slice(axis + 1)]);
}

function pair(f: (i: 0 | 1) => number): Pair {
  return [f(0), f(1)];
}

function convolve(x: DenseValue, w: DenseValue, a: ConvolutionAttributes, shape: readonly number[]): Float64Array {
  const [batch, out, height, width] = shape;
  const [, channels, ih, iw] = x.shape;
  const [, inner, kh, kw] = w.shape;
  const y = new Float64Array(sizeOf(shape));
  const pixel = (at: number, size: number, i: 0 | 1): number => {
    const p = at - a.low[i];
    return p >= 0 && p % a.baseDilations[i] === 0 && p / a.baseDilations[i] < size ? p / a.baseDilations[i] : -1;
  };
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < out; o++) {
      const first = Math.floor(o / (out / a.groups)) * inner;
      for (let r = 0; r < height; r++) {
        for (let c = 0; c < width; c++) {
          let sum = 0;
          for (let k = 0; k < kh; k++) {
            const py = pixel(r * a.strides[0] + k * a.dilations[0], ih, 0);
            for (let l = 0; py >= 0 && l < kw; l++) {
              const px = pixel(c * a.strides[1] + l * a.dilations[1], iw, 1);
              if (px < 0) continue;
              for (let i = 0; i < inner; i++) {
                sum +=
                  x.data[((n * channels + first + i) * ih + py) * iw + px] *
                  w.data[((o * inner + i) * kh + k) * kw + l];
              }
            }
          }
          y[index++] = sum;
        }
      }
    }
  }
  return y;
}

/** Stride, padding and groups of a convolution. */
export interface ConvolutionOptions {
  /** Pixels from one position of the kernel to the next (default: 1). */
  readonly stride?: number;
  /** Zeros on each side (default: 0). */
  readonly padding?: number;
  /** Groups of channels that are convolved apart (default: 1). */
  readonly groups?: number;
}

/** Convolution of `[batch, in, height, width]` with a kernel `[out, in / groups, height, width]`, as PyTorch's conv2d. */
export function conv2d(
  x: Tensor,
  kernel: Tensor,
  { stride = 1, padding = 0, groups = 1 }: ConvolutionOptions = {},
): Tensor {
  const both = (v: number): Pair => [v, v];
  return apply(convolutionPrimitive, [x, kernel], {
    strides: both(stride),
    dilations: both(1),
    baseDilations: both(1),
    low: both(padding),
    high: both(padding),
    groups,
  });
}
