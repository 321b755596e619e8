/** Which state a run may overwrite in place, instead of writing a second copy and swapping. */
import { applies, type Node, type Program, primitives, type Tensor, topologicalOrder } from "../../tensor/index.js";

/** Whether the result may share the input's memory, so that its users count as readers of the input. */
const aliases = ({ primitive: { trait } }: Node): boolean => trait === "aliasing" || trait === "conversion";

/**
 * Names of state inputs whose new value may be written over the old one. That is safe when everything that reads the
 * old value is computed before the new value is: when each reader is an ancestor of the node that produces it (or is
 * that node, and is elementwise).
 */
export function inPlaceUpdates(program: Program): Set<string> {
  const order = topologicalOrder(program.outputs.map((o) => o.tensor));
  const users = new Map<Node, Node[]>();
  for (const node of order) {
    for (const t of node.inputs) users.set(t.node, [...(users.get(t.node) ?? []), node]);
  }
  const inputs = new Map(order.filter((n) => applies(primitives.input, n)).map((n) => [n.attributes.name, n]));
  // Values passed on unchanged, returned or as the new value of other state, are read after everything else.
  const handedOn = new Set(program.outputs.map((o) => o.tensor.node));
  const safe = new Set<string>();
  const ancestors = ancestorSets(program, order);
  for (const { tensor, updates } of program.outputs) {
    if (updates === undefined) continue;
    const source = inputs.get(updates);
    if (!source) {
      safe.add(updates);
      continue;
    }
    const producer = tensor.node;
    const before = ancestors.get(producer)!;
    const fits = (reader: Node) =>
      before.has(reader) || (reader === producer && reader.primitive.trait === "elementwise");
    const readers = readersOf(source, users);
    const escapes = handedOn.has(source) || [...readers.aliases].some((v) => handedOn.has(v));
    if (!escapes && !aliases(producer) && [...readers.final].every(fits)) safe.add(updates);
  }
  return safe;
}

function readersOf(source: Node, users: ReadonlyMap<Node, readonly Node[]>): { final: Set<Node>; aliases: Set<Node> } {
  const final = new Set<Node>();
  const through = new Set<Node>();
  const queue = [...(users.get(source) ?? [])];
  for (let node = queue.pop(); node; node = queue.pop()) {
    if (!aliases(node)) final.add(node);
    else if (!through.has(node)) {
      through.add(node);
      queue.push(...(users.get(node) ?? []));
    }
  }
  return { final, aliases: through };
}

/** Proper ancestors of the producers of updates. */
function ancestorSets(program: Program, order: readonly Node[]): Map<Node, Ancestors> {
  const index = new Map(order.map((node, i) => [node, i]));
  const words = Math.ceil(order.length / 32);
  const bits = new Map<Node, Uint32Array>();
  for (const node of order) {
    const mine = new Uint32Array(words);
    for (const { node: parent } of node.inputs) {
      const theirs = bits.get(parent)!;
      for (let i = 0; i < words; i++) mine[i] |= theirs[i];
      const p = index.get(parent)!;
      mine[p >>> 5] |= 1 << (p & 31);
    }
    bits.set(node, mine);
  }
  const wanted = program.outputs.filter((o) => o.updates !== undefined).map((o: { tensor: Tensor }) => o.tensor.node);
  return new Map(
    wanted.map((node) => [
      node,
      { has: (n) => ((bits.get(node)![index.get(n)! >>> 5] >>> (index.get(n)! & 31)) & 1) === 1 },
    ]),
  );
}

interface Ancestors {
  has(node: Node): boolean;
}
