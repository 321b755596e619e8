/** ONNX models in memory, as far as deit writes them: a graph of nodes with its weights, and what describes it. */
import type { DType, Shape } from "../../tensor/index.js";
import type { OnnxAttribute } from "../../tensor/lowering.js";

/** A size of an axis: a number, or the name of one that is known when the model runs, such as `batch`. */
export type Dimension = number | string;

/** An input or output of a graph. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dimension[];
}

/** A tensor stored in the model. */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** The elements, row by row, in little-endian order. */
  readonly bytes: Uint8Array;
}

/** A tensor whose elements lie in a file of its own, which has its name. */
export type ExternalTensor = Omit<OnnxTensor, "bytes">;

/** An operator applied to values, which are named; an input that is left out has the name "". */
export interface OnnxNode {
  readonly type: string;
  /** Operator set: "" is ONNX itself, "com.microsoft" ONNX Runtime's own. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** A graph: nodes in an order in which each follows those whose values it reads. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** A version of an operator set. */
export interface OperatorSet {
  readonly domain: "" | "com.microsoft";
  readonly version: number;
}

/** A model: the content of an `.onnx` file. */
export interface OnnxModel {
  readonly graph: OnnxGraph;
  /** Initializers of the graph besides those that it stores. */
  readonly external?: readonly ExternalTensor[];
  /** Outputs before those of the graph that are sequences of float32 tensors, by name. */
  readonly sequences?: readonly string[];
  /** Version of the file format. */
  readonly irVersion: number;
  readonly operatorSets: readonly OperatorSet[];
  /** `metadata_props`. */
  readonly metadata?: ReadonlyMap<string, string>;
  /** Version of deit, as the producer's. */
  readonly producerVersion?: string;
}

/** Bytes of the tensors that a model stores. */
export const sizeOfModel = ({ graph }: OnnxModel): number => graph.initializers.reduce((n, t) => n + t.bytes.length, 0);
