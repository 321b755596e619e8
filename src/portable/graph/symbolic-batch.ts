/**
 * One graph for batches of any size from the graphs of two sizes. Programs have fixed shapes, so the size of the batch is
 * a constant in them; where the two graphs differ, and only there, it is replaced by the size of the input.
 */
import { EngineError } from "../../errors/errors.js";
import type { OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from "../../formats/onnx/graph.js";

/** A graph, and its batch size. */
export interface SizedGraph {
  readonly graph: OnnxGraph;
  readonly batch: number;
}

/** Name of the symbolic size. */
const batchAxis = "batch";

/**
 * The graph with a symbolic first axis of its input and outputs. Throws EngineError where the graphs differ in more than
 * shapes that are multiples of the batch, which is a bug.
 */
export function withSymbolicBatch(one: SizedGraph, other: SizedGraph): OnnxGraph {
  const { graph } = one;
  const images = graph.inputs.find(({ shape }, i) => shape[0] !== other.graph.inputs[i].shape[0]);
  if (!images) throw differs("no input");
  const [before, after] = [one, other].map((each) => new Map(each.graph.initializers.map((t) => [t.name, t])));
  if (graph.nodes.length !== other.graph.nodes.length) throw differs("the number of nodes");
  const added: OnnxTensor[] = [];
  const int64 = (name: string, values: Iterable<number | bigint>): string => {
    const data = BigInt64Array.from([...values].map(BigInt));
    if (!added.some((t) => t.name === name))
      added.push({ name, dtype: "int64", shape: [data.length], bytes: new Uint8Array(data.buffer) });
    return name;
  };
  const sizes: OnnxNode[] = [];
  /** The batch of the input, `[1]`. */
  const batchSize = (): string => {
    if (sizes.length === 0)
      sizes.push(
        node("Shape", [images.name], "input_shape"),
        node("Slice", ["input_shape", int64("first", [0]), int64("second", [1])], "batch_size"),
      );
    return "batch_size";
  };

  const nodes = graph.nodes.flatMap((a, index): OnnxNode[] => {
    const b = other.graph.nodes[index];
    if (a.type !== b.type || JSON.stringify(a.attributes) !== JSON.stringify(b.attributes))
      throw differs(`a ${a.type}`);
    const extra: OnnxNode[] = [];
    const inputs = a.inputs.map((name, i) => {
      const [x, y] = [before.get(name), after.get(b.inputs[i])];
      if (!x || !y) {
        if (x || y || name !== b.inputs[i]) throw differs(`the inputs of a ${a.type}`);
        return name;
      }
      if (sameBytes(x.bytes, y.bytes)) return name;
      const [shape, multiples] = [int64s(x), multiplesOf(one.batch, int64s(x), other.batch, int64s(y))];
      const first = multiples.findIndex((m) => m !== undefined);
      if (i !== 1 || multiples.filter((m) => m !== undefined).length !== 1) throw differs(`a constant of a ${a.type}`);
      const replaced = `${a.outputs[0]}_shape`;
      if (a.type === "Reshape") return int64(replaced, shape.with(first, -1n));
      if (a.type !== "Expand" || multiples[first] !== 1 || first !== 0) throw differs(`a constant of a ${a.type}`);
      extra.push(node("Concat", [batchSize(), int64(`${replaced}_rest`, shape.slice(1))], replaced, 0));
      return replaced;
    });
    return [...extra, { ...a, inputs }];
  });
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const symbolic = (value: OnnxValue, i: number, among: readonly OnnxValue[]): OnnxValue => {
    const [size, ...rest] = value.shape;
    const [differing, ...same] = among[i].shape;
    if (size === differing) return value;
    if (size !== one.batch || differing !== other.batch || `${rest}` !== `${same}`) throw differs(`"${value.name}"`);
    return { ...value, shape: [batchAxis, ...rest] };
  };
  return {
    ...graph,
    nodes: [...sizes, ...nodes],
    initializers: [...graph.initializers.filter(({ name }) => used.has(name)), ...added],
    inputs: graph.inputs.map((value, i) => symbolic(value, i, other.graph.inputs)),
    outputs: graph.outputs.map((value, i) => symbolic(value, i, other.graph.outputs)),
  };
}

const node = (type: string, inputs: readonly string[], output: string, axis?: number): OnnxNode => ({
  ...{ type, domain: "", inputs, outputs: [output] },
  attributes: axis === undefined ? {} : { axis: { int: axis } },
});

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

function int64s({ dtype, bytes }: OnnxTensor): BigInt64Array {
  if (dtype !== "int64") throw differs(`a constant of ${dtype}`);
  return new BigInt64Array(bytes.slice().buffer);
}

/** For each number, how many times the batch it is in both; undefined where it is the same in both. */
function multiplesOf(one: number, a: BigInt64Array, other: number, b: BigInt64Array): readonly (number | undefined)[] {
  if (a.length !== b.length) throw differs("the rank of a shape");
  return Array.from(a, (x, i) => {
    if (x === b[i]) return undefined;
    const times = Number(x) / one;
    if (!Number.isInteger(times) || times !== Number(b[i]) / other)
      throw differs("a size that is no multiple of the batch");
    return times;
  });
}

const differs = (what: string): EngineError =>
  new EngineError(`The graphs of two batch sizes differ in ${what}; this is a bug in deit.`);
