/** Rewrites a program for an engine: expands what it cannot lower, merges equal nodes, folds factors into products. */
import {
  type Attributes,
  applies,
  applyAll,
  type Node,
  type Primitive,
  type Target,
  type Tensor,
  topologicalOrder,
} from "./graph.js";
import { mulPrimitive } from "./primitives/arithmetic.js";
import { broadcastPrimitive } from "./primitives/broadcast.js";
import { dotPrimitive } from "./primitives/dot.js";
import { constantPrimitive } from "./primitives/leaf.js";
import type { Program } from "./program.js";

/**
 * The same program with composites expanded, common subexpressions merged and dead nodes removed, ready for `target`; composites
 * in `kept` remain for a pass of the engine.
 */
export function simplify(program: Program, target: Target, kept: ReadonlySet<Primitive> = new Set()): Program {
  const roots = program.outputs.map((o) => o.tensor);
  const present = new Set(topologicalOrder(roots).map((n) => n.primitive));
  const keeps = ({ primitive: p }: Node) =>
    !p.expand || kept.has(p) || (p[target.engine] !== undefined && (p.fuses?.(target, present) ?? true));
  const expanded = rebuild(
    roots,
    new Merger((node) => (keeps(node) ? undefined : node.primitive.expand?.(node, target))),
  );
  const uses = countUses(expanded);
  const folded = rebuild(expanded, new Merger((node) => foldFactor(node, uses)));
  return { ...program, outputs: program.outputs.map((o, i) => ({ ...o, tensor: folded[i] })) };
}

/** Rebuilds graphs bottom-up through one table of known nodes, so that equal nodes become one. */
class Merger {
  readonly #known = new Map<string, readonly Tensor[]>();
  readonly #ids = new Map<Node, number>();
  readonly #done = new Map<Node, readonly Tensor[]>();

  constructor(private readonly rewrite: (node: Node) => readonly Tensor[] | undefined) {}

  resolve(t: Tensor): Tensor {
    return this.#done.get(t.node)![t.index];
  }

  visit(node: Node): void {
    if (this.#done.has(node)) return;
    const inputs = node.inputs.map((t) => this.resolve(t));
    const key = `${node.primitive.name}(${inputs.map((t) => `${this.#ids.get(t.node)}.${t.index}`).join()})${JSON.stringify(node.attributes, exactNumbers)}`;
    let outputs = this.#known.get(key);
    if (!outputs) {
      const same = inputs.every((t, i) => t === node.inputs[i]);
      const merged = same ? node : applyAll(node.primitive as Primitive<Attributes>, inputs, node.attributes)[0].node;
      const replacement = this.rewrite(merged);
      if (replacement) {
        this.#done.set(merged, merged.outputs); // its inputs are final; the new nodes in between are visited here
        for (const inner of topologicalOrder(replacement, this.#done)) this.visit(inner);
        outputs = replacement.map((t) => this.resolve(t));
      } else {
        outputs = merged.outputs;
        this.#ids.set(merged, this.#ids.size);
        this.#done.set(merged, outputs);
      }
      this.#known.set(key, outputs);
    }
    this.#done.set(node, outputs);
  }
}

/** JSON has no infinities, NaN or negative zero; a key must distinguish them. */
function exactNumbers(_: string, value: unknown): unknown {
  return typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
    ? `#${Object.is(value, -0) ? "-0" : value}`
    : value;
}

function rebuild(roots: readonly Tensor[], merger: Merger): Tensor[] {
  for (const node of topologicalOrder(roots)) merger.visit(node);
  return roots.map((t) => merger.resolve(t));
}

function countUses(roots: readonly Tensor[]): Map<Node, number> {
  const uses = new Map<Node, number>();
  const count = (t: Tensor) => uses.set(t.node, (uses.get(t.node) ?? 0) + 1);
  for (const node of topologicalOrder(roots)) node.inputs.forEach(count);
  roots.forEach(count);
  return uses;
}

/** Turns `dot(a, b) * c`, if the product has no other user, into a product with factor c, which costs nothing. */
function foldFactor(node: Node, uses: ReadonlyMap<Node, number>): readonly Tensor[] | undefined {
  if (!applies(mulPrimitive, node)) return undefined;
  for (const [i, j] of [
    [0, 1],
    [1, 0],
  ]) {
    const product = node.inputs[i].node;
    const factor = scalarValue(node.inputs[j]);
    if (!applies(dotPrimitive, product) || factor === undefined || (uses.get(product) ?? 0) > 1) continue;
    const alpha = product.attributes.alpha * factor;
    return applyAll(product.primitive, product.inputs, { ...product.attributes, alpha });
  }
  return undefined;
}

/** The number a tensor repeats, if it is a broadcast constant. */
function scalarValue(t: Tensor): number | undefined {
  const source = applies(broadcastPrimitive, t.node) ? t.node.inputs[0].node : t.node;
  if (!applies(constantPrimitive, source)) return undefined;
  const { values } = source.attributes;
  return values.length === 1 ? values[0] : undefined;
}
