/** Writes a program as an ONNX model for ONNX Runtime's CPU provider. */
import { EngineError } from "../../errors/errors.js";
import type { OnnxGraph, OnnxNode, OnnxTensor, OperatorSet } from "../../formats/onnx/graph.js";
import { dtypeCodes, encodeModel } from "../../formats/onnx/write.js";
import {
  allocate,
  applies,
  type DType,
  type Node,
  type Program,
  primitives,
  reshape,
  type Tensor,
  topologicalOrder,
} from "../../tensor/index.js";
import type { OnnxEmitter, OnnxOperators, OnnxOptions } from "../../tensor/lowering.js";

/** Operator sets of the models that the engine runs: ONNX 20 and ONNX Runtime's own. */
const operatorSets: readonly OperatorSet[] = [
  { domain: "", version: 20 },
  { domain: "com.microsoft", version: 1 },
];

/** What a model has besides the program. */
export interface ModelOptions {
  /** Inputs that become initializers, whose elements the runtime gets from files of their names (default: none). */
  readonly constants?: ReadonlySet<string>;
  /** Name of a first output, an empty sequence (default: there is none). */
  readonly sequence?: string;
}

/**
 * The model's bytes. Inputs and outputs have the program's names. `program` must be simplified for this engine.
 */
export function onnxModel(program: Program, { constants = new Set(), sequence }: ModelOptions = {}): Uint8Array {
  const { nodes, ...graph } = onnxGraph(program);
  const sequences = sequence === undefined ? [] : [sequence];
  const empty = sequences.map((name) => ({
    ...{ type: "SequenceEmpty", domain: "" },
    ...{ inputs: [], outputs: [name], attributes: {} },
  }));
  return encodeModel({
    graph: { ...graph, nodes: [...empty, ...nodes], inputs: graph.inputs.filter(({ name }) => !constants.has(name)) },
    external: program.inputs.filter(({ name }) => constants.has(name)),
    ...{ sequences, irVersion: 10, operatorSets },
  });
}

/**
 * The program as a graph; inputs and outputs have its names. `standard` uses only operators of ONNX 17, for which the
 * program must have been simplified too.
 */
export function onnxGraph(program: Program, operators: OnnxOperators = "runtime"): OnnxGraph {
  const writer = new Writer(operators);
  for (const output of program.outputs) writer.output(output.name, output.tensor);
  return {
    name: program.name,
    nodes: writer.named(),
    initializers: [...writer.initializers.values()],
    inputs: program.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    outputs: program.outputs.map(({ name, tensor }) => ({ name, dtype: tensor.dtype, shape: tensor.shape })),
  };
}

/** Written only where the whole value is needed: products and elementwise operators read through these. */
const lazy = (node: Node): boolean => applies(primitives.broadcast, node) || applies(primitives.transpose, node);

class Writer implements OnnxEmitter<Tensor> {
  readonly initializers = new Map<string, OnnxTensor>();
  readonly #nodes: OnnxNode[] = [];
  readonly #values = new Map<Tensor, string>();
  /** Values that nodes have made, and the names of outputs that some of them get in the end. */
  readonly #made = new Set<string>();
  readonly #renamed = new Map<string, string>();
  /** Scalars in the ranks that they were needed in. */
  readonly #scalars = new Map<string, Tensor>();
  #count = 0;

  constructor(readonly operators: OnnxOperators) {}

  value(t: Tensor): string {
    const known = this.#values.get(t);
    if (known !== undefined) return known;
    // Inputs first, by an explicit walk, so that deep graphs do not need a deep stack.
    for (const node of topologicalOrder([t], { has: (n) => this.#values.has(n.outputs[0]) })) {
      if (lazy(node) && node !== t.node) continue;
      if (applies(primitives.input, node)) {
        this.#values.set(node.outputs[0], node.attributes.name);
        continue;
      }
      const names = node.primitive.onnx?.(node, this);
      if (!names) {
        throw new EngineError(`The ONNX engine has no lowering for "${node.primitive.name}"; this is a bug in deit.`);
      }
      node.outputs.forEach((out, i) => {
        this.#values.set(out, names[i]);
      });
    }
    return this.#values.get(t)!;
  }

  broadcastable(t: Tensor): string {
    const source = applies(primitives.broadcast, t.node) ? t.node.inputs[0] : t;
    // Beside a shape that ends in 1, as a pointwise kernel's, the runtime would loop over a scalar element by element.
    if (source.shape.length > 0 || t.shape.at(-1) !== 1) return this.value(source);
    const key = `${this.value(source)}:${t.shape.length}`;
    const known =
      this.#scalars.get(key) ??
      reshape(
        source,
        t.shape.map(() => 1),
      );
    this.#scalars.set(key, known);
    return this.value(known);
  }

  op(type: string, inputs: readonly string[], options: OnnxOptions = {}): readonly string[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => `v${this.#count++}`);
    this.#nodes.push({ type, domain: options.domain ?? "", inputs, outputs, attributes: options.attributes ?? {} });
    for (const name of outputs) this.#made.add(name);
    return outputs;
  }

  ints(values: readonly number[]): string {
    return this.constant("int64", values, [values.length]);
  }

  constant(dtype: DType, values: readonly number[], shape: readonly number[] = []): string {
    const data = allocate(dtype, values.length);
    if (data instanceof BigInt64Array) data.set(values.map(BigInt));
    else data.set(values);
    const bytes = new Uint8Array(data.buffer);
    const key = `${dtype}:${shape.join()}:${bytes.join()}`;
    const known = this.initializers.get(key);
    if (known) return known.name;
    const name = `c${this.initializers.size}`;
    this.initializers.set(key, { name, dtype, shape, bytes });
    return name;
  }

  dtypeCode(dtype: DType): number {
    return dtypeCodes[dtype];
  }

  /** Gives the value of `t` the name of a program output, in a node of its own where it has another name to keep. */
  output(name: string, t: Tensor): void {
    const value = this.value(t);
    if (this.#made.has(value) && !this.#renamed.has(value)) this.#renamed.set(value, name);
    else this.#nodes.push({ type: "Identity", domain: "", inputs: [value], outputs: [name], attributes: {} });
  }

  /** The nodes with the names of the outputs. */
  named(): readonly OnnxNode[] {
    const names = (of: readonly string[]) => of.map((name) => this.#renamed.get(name) ?? name);
    return this.#nodes.map((node) => ({ ...node, inputs: names(node.inputs), outputs: names(node.outputs) }));
  }
}
