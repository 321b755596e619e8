/**
 * Computes what depends on stored tensors alone, once instead of at every run: transposed weights, batch normalisation as
 * one factor and one summand per channel.
 */
import type { OnnxGraph, OnnxNode, OnnxTensor } from "../../formats/onnx/graph.js";
import { float32, type NamedTensors, type Shape, sizeOf } from "../../tensor/index.js";

interface Constant {
  readonly shape: Shape;
  readonly data: Float32Array;
  /** Name of the tensor that it mainly is. */
  readonly origin: string;
}

/** The graph with `weights` in place of the inputs of their names, and all that follows from them computed. */
export function bindWeights(graph: OnnxGraph, weights: NamedTensors): OnnxGraph {
  const constants = new Map<string, Constant>();
  for (const [name, { shape, data }] of weights)
    constants.set(name, { shape, data: data as Float32Array, origin: name });
  for (const { name, dtype, shape, bytes } of graph.initializers)
    if (dtype === "float32") constants.set(name, { shape, data: new Float32Array(bytes.slice().buffer), origin: "" });
  const shapes = new Map(graph.initializers.filter(({ dtype }) => dtype === "int64").map((t) => [t.name, int64s(t)]));
  const nodes = graph.nodes.filter((node) => {
    const value = foldNode(node, constants, shapes);
    if (value) constants.set(node.outputs[0], value);
    return !value;
  });
  const names = new Names(nodes.flatMap(({ inputs }) => inputs).filter((name) => weights.has(name)));
  const kept = new Map<string, OnnxTensor>();
  const own = new Map(graph.initializers.map((t) => [t.name, t]));
  const place = (value: string): string => {
    const known = kept.get(value) ?? own.get(value);
    if (known) {
      kept.set(value, known);
      return known.name;
    }
    const found = constants.get(value);
    if (!found) return value;
    const name = value === found.origin ? value : names.fresh(found.origin || value);
    kept.set(value, { name, dtype: "float32", shape: found.shape, bytes: bytesOf(found.data) });
    return name;
  };
  const placed = nodes.map((node) => ({ ...node, inputs: node.inputs.map(place) }));
  return {
    ...graph,
    nodes: placed,
    initializers: [...kept.values()],
    inputs: graph.inputs.filter(({ name }) => !weights.has(name)),
  };
}

/** Names that are not taken. */
class Names {
  readonly #taken: Set<string>;

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  /** The name, or with a number where it is taken. */
  fresh(name: string): string {
    for (let i = 1; ; i++) {
      const candidate = i === 1 ? name : `${name}_${i}`;
      if (this.#taken.has(candidate)) continue;
      this.#taken.add(candidate);
      return candidate;
    }
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const int64s = ({ bytes }: OnnxTensor): readonly number[] =>
  Array.from(new BigInt64Array(bytes.slice().buffer), Number);

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Sqrt: Math.sqrt,
  Reciprocal: (a) => 1 / a,
};

/** The value of a node of constants; undefined for any other. */
function foldNode(
  { type, inputs, attributes }: OnnxNode,
  constants: ReadonlyMap<string, Constant>,
  shapes: ReadonlyMap<string, readonly number[]>,
): Constant | undefined {
  const [x, y] = inputs.map((name) => constants.get(name));
  if (!x) return undefined;
  if (type === "Transpose" && "ints" in attributes.perm) return transposed(x, attributes.perm.ints);
  if (type === "Reshape") {
    const shape = shapes.get(inputs[1]);
    return shape && sizeOf(shape) === x.data.length ? { ...x, shape } : undefined;
  }
  const operation = Object.hasOwn(arithmetic, type) ? arithmetic[type] : undefined;
  if (!operation || (inputs.length === 2 && !y)) return undefined;
  return elementwise(operation, x, y);
}

function elementwise(
  operation: (a: number, b: number) => number,
  a: Constant,
  b: Constant | undefined,
): Constant | undefined {
  const larger = b && b.data.length > a.data.length ? b : a;
  const origin = larger.origin || a.origin || (b?.origin ?? "");
  // Operands of equal shape, or one that is a single number: nothing else occurs among parameters.
  const fits = (t: Constant) => t.data.length === 1 || `${t.shape}` === `${larger.shape}`;
  if (!fits(a) || (b && !fits(b))) return undefined;
  const at = (t: Constant, i: number) => t.data[t.data.length === 1 ? 0 : i];
  const data = larger.data.map((_, i) => operation(at(a, i), b ? at(b, i) : 0));
  return { shape: larger.shape, data, origin };
}

function transposed({ shape, data, origin }: Constant, permutation: readonly number[]): Constant {
  const steps = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const out = permutation.map((p) => shape[p]);
  const result = new Float32Array(data.length);
  const rank = out.length;
  const position = new Array<number>(rank).fill(0);
  const step = permutation.map((p) => steps[p]);
  let source = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = data[source];
    for (let axis = rank - 1; axis >= 0; axis--) {
      source += step[axis];
      if (++position[axis] < out[axis]) break;
      source -= step[axis] * out[axis];
      position[axis] = 0;
    }
  }
  return { ...float32(out, result), data: result, origin };
}
