/** Recomputation: a part of the forward pass whose inner values are computed again for the backward pass, not kept. */
import { pullback } from "../gradient.js";
import { applies, apply, type Primitive, type Tensor, topologicalOrder } from "../graph.js";
import { after } from "../primitives/barrier.js";
import { inputPrimitive } from "../primitives/leaf.js";
import { substitute } from "../substitute.js";

/**
 * `part(x)`, of whose values the backward pass keeps only `x`: it computes the others again from there, once the gradient of the
 * result is known (gradient checkpointing, arXiv 1604.06174). `name` distinguishes parts of a program that read the same value;
 * what a part reads besides `x` must be inputs of the program.
 */
export function recomputed(name: string, x: Tensor, part: (x: Tensor) => Tensor): Tensor {
  const y = part(x);
  const read = topologicalOrder([y], new Set([x.node]))
    .filter((node) => applies(inputPrimitive, node))
    .flatMap((node) => node.outputs);
  const from = (at: Tensor, rest: readonly Tensor[]): Tensor =>
    substitute([y], [[x, at], ...read.map((t, i) => [t, rest[i]] as const)])[0];
  const primitive: Primitive<{ name: string; shape: readonly number[] }> = {
    name: "recomputed",
    infer: () => [y],
    expand: ({ inputs: [at, ...rest] }) => [from(at, rest)],
    gradient: ({ inputs: [at, ...rest] }, [g]) => {
      if (!g) return [undefined];
      // Random numbers come from whole numbers, and are drawn again too.
      const again = [at, ...rest].map((t, i) => (i === 0 || t.dtype === "int32" ? after(t, [g]) : t));
      const [first, ...others] = pullback(from(again[0], again.slice(1)), g, again);
      // Parameters below come after those here: their gradients read the values that are to be forgotten.
      return [
        first &&
          after(
            first,
            others.filter((t) => t !== undefined),
          ),
        ...others,
      ];
    },
  };
  return apply(primitive, [x, ...read], { name, shape: y.shape });
}
