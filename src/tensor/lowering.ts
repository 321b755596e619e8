/**
 * What the writers of ONNX models and StableHLO text offer to primitives. The writers are part of their engines;
 * `Value` is what they name: the tensors of a graph.
 */
import type { DType } from "./dtype.js";
import type { TensorType } from "./tensor-type.js";

/** An attribute of an ONNX node. */
export type OnnxAttribute =
  | {
      /** A whole number, int64. */
      readonly int: number;
    }
  | {
      /** A float32 number. */
      readonly float: number;
    }
  | {
      /** A list of whole numbers, int64. */
      readonly ints: readonly number[];
    }
  | {
      /** Text, UTF-8. */
      readonly string: string;
    };

/**
 * Operators that a model may use: all that ONNX Runtime has, with its own fused ones (opset 20), or only standard ones of
 * opset 17, which every other consumer of ONNX files has too.
 */
export type OnnxOperators = "runtime" | "standard";

/** What an ONNX node has besides its inputs. */
export interface OnnxOptions {
  /** Attributes by name (default: none). */
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Number of outputs (default: 1). */
  readonly outputs?: number;
  /** Operator set: "" is ONNX itself, "com.microsoft" ONNX Runtime's own. */
  readonly domain?: "" | "com.microsoft";
}

/** Writes a primitive as nodes of an ONNX model. */
export interface OnnxEmitter<Value> {
  /** The operators to choose from. */
  readonly operators: OnnxOperators;
  /** Name of the value of `tensor`, in full shape. */
  value(tensor: Value): string;
  /** Name of a value that ONNX's implicit broadcasting extends to `tensor` (skips an explicit broadcast). */
  broadcastable(tensor: Value): string;
  /** Emits a node and returns the names of its outputs. */
  op(type: string, inputs: readonly string[], options?: OnnxOptions): readonly string[];
  /** An int64 vector constant, as used for shapes and axes. */
  ints(values: readonly number[]): string;
  /** A constant of any dtype; `shape` defaults to a scalar. */
  constant(dtype: DType, values: readonly number[], shape?: readonly number[]): string;
  /** ONNX's number for a dtype. */
  dtypeCode(dtype: DType): number;
}

/** Writes a primitive as operations of a StableHLO module. */
export interface StablehloEmitter<Value> {
  /** SSA name of the value of `tensor`. */
  value(tensor: Value): string;
  /** Emits `%n = <operation>` and returns `%n`. */
  op(operation: string): string;
  /** Emits an operation with several results, `%n:<count> = <operation>`, and returns `%n#0`, `%n#1`, … */
  results(operation: string, count: number): readonly string[];
  /** `tensor<2x3xf32>`. */
  type(type: TensorType): string;
  /** A splat or dense constant of this type. */
  constant(type: TensorType, values: readonly number[]): string;
}
