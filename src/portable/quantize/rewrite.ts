/** The walk over a graph that the integer formats share: each replaces the products in its own way. */
import type { OnnxGraph } from "../../formats/onnx/graph.js";
import { storedAsBytes } from "./convolutions.js";
import { type Replacement, storedTensors, type WeightProduct, weightProduct } from "./quantization.js";

/**
 * The graph with its products replaced and the weights of its convolutions stored as integers. `isFirst` says that no
 * product before reads the same value, which several may share once it is quantised. Tensors that nothing reads any more
 * are dropped.
 */
export function withProducts(
  graph: OnnxGraph,
  replace: (product: WeightProduct, isFirst: boolean) => Replacement,
): OnnxGraph {
  const stored = storedTensors(graph);
  const read = new Set<string>();
  const replaced = graph.nodes.map((node): Replacement => {
    const product = weightProduct(node, stored);
    if (!product) return storedAsBytes(node, stored) ?? { nodes: [node], tensors: [] };
    const isFirst = !read.has(node.inputs[0]);
    read.add(node.inputs[0]);
    return replace(product, isFirst);
  });
  const nodes = replaced.flatMap((each) => each.nodes);
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  // Replacements may share a tensor, such as a zero.
  const tensors = new Map(
    [...graph.initializers, ...replaced.flatMap((each) => each.tensors)].map((tensor) => [tensor.name, tensor]),
  );
  return { ...graph, nodes, initializers: [...tensors.values()].filter(({ name }) => used.has(name)) };
}
