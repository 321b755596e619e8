/**
 * The graph: immutable nodes that apply a primitive to tensors. A graph is built by calling functions; nothing is
 * traced.
 */
import { ShapeError } from "../errors/errors.js";
import type { DenseValue } from "./dense.js";
import type { Shape } from "./host.js";
import type { OnnxEmitter, OnnxOperators, StablehloEmitter } from "./lowering.js";
import type { TensorType } from "./tensor-type.js";

/** The two targets of lowering. */
export type EngineKind = "onnx" | "stablehlo";

/** Engine and platform that a program is rewritten for. */
export interface Target {
  /** The engine that is compiled for. */
  readonly engine: EngineKind;
  /** "cpu", "cuda", … */
  readonly platform: string;
  /** For ONNX: the operators to choose from (default: `runtime`). */
  readonly operators?: OnnxOperators;
}

/** One output of a node. */
export interface Tensor extends TensorType {
  /** The node whose result this is. */
  readonly node: Node;
  /** Which of the results of the node. */
  readonly index: number;
}

/** A constant of a node, a JSON value. */
export type AttributeValue =
  | string
  | number
  | boolean
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };
/** Constants of a node by name. */
export type Attributes = { readonly [key: string]: AttributeValue };

/** A primitive applied to inputs. */
export interface Node<A extends Attributes = Attributes> {
  /** The operation that is applied. */
  readonly primitive: Primitive;
  /** Tensors that it is applied to. */
  readonly inputs: readonly Tensor[];
  /** Constants of the application, such as axes. */
  readonly attributes: A;
  /** Its results. */
  readonly outputs: readonly Tensor[];
}

/**
 * What engines may assume of a primitive that they do not know specifically.
 * - `aliasing`: the output contains the elements of the input, so an engine may read them in place.
 * - `conversion`: as `aliasing` where the engine stores both dtypes the same way, otherwise a copy.
 * - `elementwise`: element i of the output depends only on the elements i of the inputs, so that the output may
 *   overwrite one of them.
 */
export type Trait = "aliasing" | "conversion" | "elementwise";

/**
 * Everything about one operation, in one place. A primitive either has both lowerings or an `expand` rule that
 * expresses it in other primitives; one with `expand` may still have a lowering where an engine offers a faster fused
 * kernel.
 */
export interface Primitive<A extends Attributes = Attributes> {
  /** Unique name of the primitive. */
  readonly name: string;
  /** What code that does not know the primitive may assume of it (default: nothing). */
  readonly trait?: Trait;
  /** Types of the outputs; throws ShapeError when the inputs do not fit. */
  infer(inputs: readonly TensorType[], attributes: A): readonly TensorType[];
  /**
   * Cotangents of the inputs from those of the outputs (undefined where no gradient flows). A primitive without this
   * rule stops the gradient.
   */
  gradient?(node: Node<A>, cotangents: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[];
  /** The values in double precision: the meaning of the primitive, used by tests. */
  evaluate?(
    inputs: readonly DenseValue[],
    attributes: A,
    outputs: readonly TensorType[],
  ): readonly DenseValue["data"][];
  /**
   * Its first output, computed again from what its gradient rule reads too, by a few elementwise operations, when `g` is known:
   * see `reread`.
   */
  again?(node: Node<A>, g: Tensor): Tensor;
  /** The equivalent in other primitives, for engines without a lowering of this one. */
  expand?(node: Node<A>, target: Target): readonly Tensor[];
  /** Emits ONNX nodes and returns the names of the outputs. */
  onnx?(node: Node<A>, emit: OnnxEmitter<Tensor>): readonly string[];
  /** Emits StableHLO operations and returns the SSA names of the outputs. */
  stablehlo?(node: Node<A>, emit: StablehloEmitter<Tensor>): readonly string[];
  /**
   * For a primitive with both `expand` and a lowering: whether the lowering applies in a program that contains the
   * primitives `present` (default: always).
   */
  fuses?(target: Target, present: ReadonlySet<Primitive>): boolean;
}

/** Exists only as a type, narrower than any node, so that a node that does not apply a primitive remains a node. */
declare const applied: unique symbol;

/** Whether `node` applies `primitive`, whose attributes it then has. */
export function applies<A extends Attributes>(
  primitive: Primitive<A>,
  node: Node,
): node is Node &
  Node<A> & {
    /** Never there: see `applied`. */
    readonly [applied]: true;
  } {
  return node.primitive === (primitive as Primitive);
}

/** Applies a primitive and returns all of its outputs. */
export function applyAll<A extends Attributes>(
  primitive: Primitive<A>,
  inputs: readonly Tensor[],
  attributes: A,
): readonly Tensor[] {
  const types = primitive.infer(inputs, attributes);
  const outputs: Tensor[] = [];
  const node: Node<A> = { primitive: primitive as Primitive, inputs, attributes, outputs };
  types.forEach((type, index) => {
    outputs.push({ node, index, dtype: type.dtype, shape: type.shape });
  });
  return outputs;
}

/** Applies a primitive with one output. */
export function apply<A extends Attributes>(primitive: Primitive<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  return applyAll(primitive, inputs, attributes)[0];
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** Axis counted from the end when negative, checked against the rank. */
export function normalizeAxis(axis: number, rank: number, call: string): number {
  const a = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(a) || a < 0 || a >= rank) {
    throw new ShapeError(
      `${call} got axis ${axis}, but its input has ${rank} axes; use one from ${-rank} to ${rank - 1}.`,
    );
  }
  return a;
}

/**
 * All nodes that `roots` depend on and `known` lacks, inputs before users, depth first from the first input of each node or from
 * the last. Iterative, so depth is no limit.
 */
export function topologicalOrder(
  roots: readonly Tensor[],
  known: { has(node: Node): boolean } = new Set(),
  from: "first" | "last" = "first",
): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  for (const root of roots) {
    if (done.has(root.node) || known.has(root.node)) continue;
    done.add(root.node);
    stack.push({ node: root.node, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next < top.node.inputs.length) {
        const child = top.node.inputs.at(from === "first" ? top.next : -1 - top.next)!.node;
        top.next++;
        if (!done.has(child) && !known.has(child)) {
          done.add(child);
          stack.push({ node: child, next: 0 });
        }
      } else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}
