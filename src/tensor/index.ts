/** The tensor language. */

// Tensors on the host: element types, shapes, values.

export { allocate, byteSize, type DType, isFloat, type TypedArray, viewOf } from "./dtype.js";
export { float32, type HostTensor, hostTensor, type NamedTensors, type Shape, sizeOf, zeros } from "./host.js";

// Leaves: inputs, constants, indices and random numbers.

export { constant, input, iota, scalar } from "./primitives/leaf.js";
export { randomUniform } from "./primitives/random.js";

// Arithmetic and functions of single elements.

export { add, div, mul, neg, sub } from "./primitives/arithmetic.js";
export { cast, stopGradient } from "./primitives/cast.js";
export {
  abs,
  and,
  argmax,
  type Comparison,
  compare,
  finite,
  max,
  min,
  not,
  oneHot,
  reduceMax,
  relu,
  select,
} from "./primitives/compare.js";
export type { Operand } from "./primitives/elementwise.js";
export { sign } from "./primitives/sign.js";
export { cos, erf, exp, floor, log, rsqrt, sigmoid, sin, sqrt, square, tanh } from "./primitives/unary.js";

// Shapes and parts of tensors.

export { broadcast, reduceSum } from "./primitives/broadcast.js";
export { gather, gatherRows } from "./primitives/gather.js";
export { type KeptRows, keepRows, placeRows } from "./primitives/kept-rows.js";
export { reshape, transpose } from "./primitives/layout.js";
export { concat, pad, reverse, slice, split, take } from "./primitives/slicing.js";

// Products and convolutions.

export { asRows, linear, sumRows } from "./functions/linear.js";
export { type ConvolutionOptions, conv2d } from "./primitives/convolution.js";
export { type Axes, type DotAxes, type DotOptions, dot, dotAxes, matmul } from "./primitives/dot.js";

// Sums, means and layers with gradients of their own.

export { gelu, logSoftmax, silu, softmax } from "./functions/activation.js";
export { attention, attentionWeights } from "./functions/attention.js";
export {
  type BatchNormParameters,
  type BatchNormTraining,
  batchNorm,
  batchNormTraining,
} from "./functions/batch-norm.js";
export { layerNorm } from "./functions/normalization.js";
export { recomputed } from "./functions/recompute.js";
export { mean } from "./functions/reduction.js";

// Gradients, programs, and their value without an engine.

export { gradient } from "./gradient.js";
export { barrier, saved } from "./primitives/barrier.js";
export { type Program, type ProgramInput, type ProgramOptions, type ProgramOutput, program } from "./program.js";
export { evaluate } from "./reference.js";

// The graph itself, for passes over it and for primitives of your own.

export type { DenseValue } from "./dense.js";
export {
  type Attributes,
  type AttributeValue,
  applies,
  type EngineKind,
  type Node,
  type Primitive,
  type Target,
  type Tensor,
  type Trait,
  topologicalOrder,
} from "./graph.js";
export type { OnnxAttribute, OnnxEmitter, OnnxOperators, OnnxOptions, StablehloEmitter } from "./lowering.js";
export { primitives } from "./primitives/known.js";
export { simplify } from "./simplify.js";
export { substitute } from "./substitute.js";
export { describe, type TensorType } from "./tensor-type.js";
