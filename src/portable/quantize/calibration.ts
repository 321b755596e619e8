/** The ranges of the values that products read, found by running a graph on images. */
import type { OnnxGraph, OnnxNode } from "../../formats/onnx/graph.js";
import { nodeOf, storedTensors, tensorOf, weightProduct } from "./quantization.js";

/** Output of a calibration graph: the lower end of each watched value's range, then the upper end of each. */
export const rangesOutput = "ranges";

/** Names of the values that products with stored weights read. */
export function watchedValues(graph: OnnxGraph): readonly string[] {
  const stored = storedTensors(graph);
  return [...new Set(graph.nodes.filter((node) => weightProduct(node, stored)).map(({ inputs: [x] }) => x))];
}

/** One number of this many, at least, lies beyond either end of a range: single outliers would make all steps coarse. */
const outlierShare = 10_000;

/** The graph with `ranges` `[1, 2 · values]` as its output. */
export function calibrationGraph(graph: OnnxGraph): OnnxGraph {
  const watched = watchedValues(graph);
  const counted = watched.flatMap((x) => [
    nodeOf("Reshape", [x, "any_number"], [`${x}_row`]),
    nodeOf("Shape", [`${x}_row`], [`${x}_count`]),
    nodeOf("Div", [`${x}_count`, "outlier_share"], [`${x}_share`]),
    nodeOf("Add", [`${x}_share`, "one"], [`${x}_outliers`]),
  ]);
  const ends = [0, 1].flatMap((upper) => watched.map((x) => endOf(x, upper)));
  return {
    ...graph,
    nodes: [
      ...[...graph.nodes, ...counted, ...ends.flatMap(({ nodes }) => nodes)],
      nodeOf(
        "Concat",
        ends.map(({ name }) => name),
        [rangesOutput],
        { axis: { int: 1 } },
      ),
    ],
    initializers: [
      ...graph.initializers,
      tensorOf("one_number", "int64", [2], BigInt64Array.of(1n, 1n)),
      tensorOf("any_number", "int64", [1], BigInt64Array.of(-1n)),
      tensorOf("outlier_share", "int64", [1], BigInt64Array.of(BigInt(outlierShare))),
      tensorOf("one", "int64", [1], BigInt64Array.of(1n)),
    ],
    outputs: [{ name: rangesOutput, dtype: "float32", shape: [1, 2 * watched.length] }],
  };
}

/** The last of the outliers at one end, `[1, 1]`. */
function endOf(x: string, upper: number): { readonly nodes: readonly OnnxNode[]; readonly name: string } {
  const end = `${x}_${upper ? "upper" : "lower"}`;
  return {
    name: `${end}_end`,
    nodes: [
      nodeOf("TopK", [`${x}_row`, `${x}_outliers`], [`${end}_outliers`, `${end}_places`], { largest: { int: upper } }),
      nodeOf(upper ? "ReduceMin" : "ReduceMax", [`${end}_outliers`], [`${end}_last`], { keepdims: { int: 0 } }),
      nodeOf("Reshape", [`${end}_last`, "one_number"], [`${end}_end`]),
    ],
  };
}
