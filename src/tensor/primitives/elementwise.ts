/** What all elementwise primitives share: operand coercion, broadcasting, shape rule and lowering. */
import { ShapeError } from "../../errors/errors.js";
import { type DType, isFloat } from "../dtype.js";
import { type Attributes, applies, apply, type Primitive, sameShape, type Tensor } from "../graph.js";
import { describe, type TensorType } from "../tensor-type.js";
import { broadcast, broadcastPrimitive, broadcastShape } from "./broadcast.js";
import { scalar } from "./leaf.js";

/** A tensor, or a number that takes the other operand's dtype. */
export type Operand = Tensor | number;

export interface ElementwiseRule {
  readonly name: string;
  readonly arity: 1 | 2;
  /** Dtypes accepted: any, floating only, or booleans only. */
  readonly accepts?: "any" | "float" | "bool" | "integer";
  /** ONNX operator (domain "" unless `onnxDomain`). */
  readonly onnx: string;
  /** StableHLO operation with its dialect, as `stablehlo.add`. */
  readonly stablehlo: string;
  readonly evaluate: (a: number, b: number) => number;
  readonly gradient?: Primitive["gradient"];
}

/** A primitive that works element by element on operands of one shape and dtype. */
export function elementwise(rule: ElementwiseRule): Primitive {
  return {
    name: rule.name,
    trait: "elementwise",
    infer: (inputs) => [checkElementwise(rule, inputs)],
    gradient: rule.gradient,
    evaluate: ([a, b]) => [a.data.map((x, i) => rule.evaluate(x, b ? b.data[i] : 0))],
    onnx: ({ inputs }, emit) => emit.op(rule.onnx, broadcastOperands(inputs, emit)),
    stablehlo: ({ inputs, outputs }, emit) => [
      emit.op(
        rule.stablehlo.startsWith("chlo.")
          ? `${rule.stablehlo} ${inputs.map((t) => emit.value(t)).join(", ")} : ${emit.type(inputs[0])} -> ${emit.type(outputs[0])}`
          : `${rule.stablehlo} ${inputs.map((t) => emit.value(t)).join(", ")} : ${emit.type(outputs[0])}`,
      ),
    ],
  };
}

/** ONNX broadcasts by itself, provided that one operand has the full shape. */
export function broadcastOperands(
  inputs: readonly Tensor[],
  emit: { value(t: Tensor): string; broadcastable(t: Tensor): string },
): string[] {
  const isBroadcast = inputs.map((t) => applies(broadcastPrimitive, t.node));
  const full = isBroadcast.indexOf(false);
  return inputs.map((t, i) => (i === Math.max(full, 0) ? emit.value(t) : emit.broadcastable(t)));
}

function checkElementwise(rule: ElementwiseRule, inputs: readonly TensorType[]): TensorType {
  const [a, b] = inputs;
  if (b && (!sameShape(a.shape, b.shape) || a.dtype !== b.dtype)) {
    throw new ShapeError(
      `${rule.name} got ${describe(a)} and ${describe(b)}; both operands must have one shape and dtype.`,
    );
  }
  const float = isFloat(a.dtype);
  const bad =
    (rule.accepts === "float" && !float) ||
    (rule.accepts === "bool" && a.dtype !== "bool") ||
    (rule.accepts === "integer" && (float || a.dtype === "bool")) ||
    ((rule.accepts ?? "any") === "any" && a.dtype === "bool");
  if (bad)
    throw new ShapeError(
      `${rule.name} does not work on ${describe(a)}; cast it to ${rule.accepts === "bool" ? "bool" : "float32"} first.`,
    );
  return a;
}

/** Brings two operands to one dtype and shape. */
export function coerce(call: string, a: Operand, b: Operand): [Tensor, Tensor] {
  const dtype = coercedDtype(call, a, b);
  const ta = typeof a === "number" ? scalar(a, dtype) : a;
  const tb = typeof b === "number" ? scalar(b, dtype) : b;
  const shape = broadcastShape(call, ta, tb);
  return [broadcast(ta, shape), broadcast(tb, shape)];
}

function coercedDtype(call: string, a: Operand, b: Operand): DType {
  if (typeof a !== "number" && typeof b !== "number" && a.dtype !== b.dtype) {
    throw new ShapeError(`${call} got ${describe(a)} and ${describe(b)}; cast one so that the dtypes agree.`);
  }
  return typeof a !== "number" ? a.dtype : typeof b !== "number" ? b.dtype : "float32";
}

export function unary(primitive: Primitive): (x: Tensor) => Tensor {
  return (x) => apply(primitive, [x], {});
}

export function binary<A extends Attributes>(
  primitive: Primitive<A>,
  attributes: A,
): (a: Operand, b: Operand) => Tensor {
  return (a, b) => apply(primitive, coerce(primitive.name, a, b), attributes);
}
