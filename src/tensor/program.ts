/** A program: a graph with named inputs, outputs and state, ready for an engine. */
import { ShapeError } from "../errors/errors.js";
import type { DType } from "./dtype.js";
import { applies, type Node, sameShape, type Tensor, topologicalOrder } from "./graph.js";
import type { Shape } from "./host.js";
import { inputPrimitive } from "./primitives/leaf.js";
import { describe } from "./tensor-type.js";

/** A value that is passed to a program, or that it keeps. */
export interface ProgramInput {
  /** Unique name of the input. */
  readonly name: string;
  /** Type of each element. */
  readonly dtype: DType;
  /** Sizes of the axes. */
  readonly shape: Shape;
  /** State stays on the device between runs; data is passed to every run. */
  readonly role: "data" | "state";
  /**
   * With several devices, data is either split along its first axis or passed to each as a whole. State is replicated.
   */
  readonly sharding: "batch" | "replicated";
}

/** A value that a program returns or stores in its state. */
export interface ProgramOutput {
  /** Unique name of the output. */
  readonly name: string;
  /** The value. */
  readonly tensor: Tensor;
  /** State that takes this value after the run; such an output is not returned. */
  readonly updates?: string;
  /** Whether each of several devices has its rows of the first axis, or all have the whole. */
  readonly sharding: "batch" | "replicated";
}

/** A graph with named inputs, outputs and state. */
export interface Program {
  /** Name in messages and profiles. */
  readonly name: string;
  /** State, parameters and data that a run reads. */
  readonly inputs: readonly ProgramInput[];
  /** What a run returns, and the state that it updates. */
  readonly outputs: readonly ProgramOutput[];
}

/** What a program returns, and which of its inputs are state. */
export interface ProgramOptions {
  /** Name in messages and profiles. */
  readonly name: string;
  /** Values returned to the caller by name. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** New values of state by the state's name. */
  readonly updates?: ReadonlyMap<string, Tensor>;
  /** Names of inputs that are state. */
  readonly state?: Iterable<string>;
  /** Names of inputs and outputs whose first axis is the batch; they are split over devices. */
  readonly batch?: Iterable<string>;
}

/**
 * Collects the inputs that the outputs depend on and checks names and types.
 *
 * @example
 * ```ts
 * import { openEngine, tensor } from "deit";
 *
 * const [a, b] = ["a", "b"].map((name) => tensor.input(name, "float32", [2, 2]));
 * const engine = await openEngine("onnx");
 * const executable = await engine.compile(tensor.program({ name: "product", outputs: { c: tensor.matmul(a, b) } }));
 * const state = await engine.createState(new Map());
 * const data = new Map([
 *   ["a", tensor.float32([2, 2], [1, 2, 3, 4])],
 *   ["b", tensor.float32([2, 2], [1, 0, 0, 1])],
 * ]);
 * console.log((await executable.run(state, data)).get("c")?.data); // 1 2 3 4
 * await engine.close();
 * ```
 */
export function program({ name, outputs, updates = new Map(), state = [], batch = [] }: ProgramOptions): Program {
  const stateNames = new Set(state);
  const batchNames = new Set(batch);
  const roots = [...Object.values(outputs), ...updates.values()];
  const inputs = new Map<string, ProgramInput>();
  for (const node of topologicalOrder(roots)) {
    if (!applies(inputPrimitive, node)) continue;
    const next = programInput(node, stateNames, batchNames);
    const known = inputs.get(next.name);
    if (known && (known.dtype !== next.dtype || !sameShape(known.shape, next.shape))) {
      throw new ShapeError(
        `Program "${name}" uses input "${next.name}" as ${describe(known)} and as ${describe(next)}; give the two different names.`,
      );
    }
    inputs.set(next.name, next);
  }
  for (const [target, tensor] of updates) {
    const current = inputs.get(target);
    if (current && (current.dtype !== tensor.dtype || !sameShape(current.shape, tensor.shape))) {
      throw new ShapeError(
        `Program "${name}" updates state "${target}" (${describe(current)}) with ${describe(tensor)}; a state keeps its type.`,
      );
    }
  }
  const sharding = (n: string) => (batchNames.has(n) ? ("batch" as const) : ("replicated" as const));
  return {
    name,
    inputs: [...inputs.values()],
    outputs: [
      ...Object.entries(outputs).map(([n, tensor]) => ({ name: n, tensor, sharding: sharding(n) })),
      ...[...updates].map(([n, tensor]) => ({
        name: `next:${n}`,
        tensor,
        updates: n,
        sharding: "replicated" as const,
      })),
    ],
  };
}

function programInput(node: Node, state: ReadonlySet<string>, batch: ReadonlySet<string>): ProgramInput {
  const { name, dtype, shape } = node.attributes as { name: string; dtype: DType; shape: readonly number[] };
  return {
    name,
    dtype,
    shape,
    role: state.has(name) ? "state" : "data",
    sharding: batch.has(name) ? "batch" : "replicated",
  };
}
