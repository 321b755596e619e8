/**
 * Memory of a run: estimated from the program for engines that do not report it, and refused when there is too little.
 */
import { OutOfMemoryError } from "../errors/errors.js";
import {
  applies,
  byteSize,
  type DType,
  type Node,
  type Program,
  primitives,
  type Shape,
  sizeOf,
  topologicalOrder,
} from "../tensor/index.js";
import type { MemoryNeed } from "./engine.js";

/**
 * Peak bytes of state, data and temporaries during a run, with each value kept from its node to its last reader in the
 * order of ONNX Runtime, depth first from each node's last input: weight gradients come right after what they read.
 * Values that update state in place (`inPlace`) take no memory of their own.
 */
export function peakBytes(program: Program, inPlace: ReadonlySet<string>): number {
  const roots = program.outputs.map((o) => o.tensor);
  const order = topologicalOrder(roots, new Set(), "last");
  const owner = new Map<Node, Node>();
  const lastReader = new Map<Node, number>();
  order.forEach((node, at) => {
    const source = node.primitive.trait === "aliasing" ? node.inputs[0].node : undefined;
    owner.set(node, source ? owner.get(source)! : node);
    for (const { node: read } of node.inputs) lastReader.set(owner.get(read)!, at);
  });
  for (const { tensor } of program.outputs) lastReader.set(owner.get(tensor.node)!, order.length);
  const overState = new Set(
    program.outputs.filter((o) => o.updates !== undefined && inPlace.has(o.updates)).map((o) => o.tensor.node),
  );
  const bytes = (node: Node) => (overState.has(node) ? 0 : node.outputs.reduce((sum, t) => sum + bytesOf(t), 0));
  const held = (node: Node) => !applies(primitives.input, node) && !applies(primitives.constant, node);

  let live = program.inputs.reduce((sum, input) => sum + bytesOf(input), 0);
  let peak = live;
  order.forEach((node, at) => {
    if (owner.get(node) !== node || !held(node)) return;
    const dying = [...new Set(node.inputs.map((t) => owner.get(t.node)!))].filter(
      (input) => held(input) && lastReader.get(input) === at,
    );
    const own = bytes(node);
    const reused = node.primitive.trait === "elementwise" && dying.some((input) => bytes(input) === own);
    live += own;
    peak = Math.max(peak, reused ? live - own : live);
    for (const input of dying) live -= bytes(input);
  });
  return peak;
}

export const bytesOf = ({ dtype, shape }: { readonly dtype: DType; readonly shape: Shape }): number =>
  byteSize(dtype) * sizeOf(shape);

/** Throws OutOfMemoryError for a program that cannot fit into the device's memory. */
export function requireMemory({ name }: Program, need: MemoryNeed | undefined): void {
  if (!need || need.needed <= need.limit) return;
  const found = `Program "${name}" needs ${gib(need.needed)} of memory, but the device has ${gib(need.limit)}`;
  throw new OutOfMemoryError(`${found}; choose a smaller batch size.`, { found: `${found}.` });
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
