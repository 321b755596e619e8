/** The ONNX models of an export: one graph in the number formats that are wanted. */
import type { OnnxGraph } from "../formats/onnx/graph.js";
import { modelFile } from "./graph/model-file.js";
import type { Variant } from "./layouts/layout.js";
import { type QuantizationName, quantizations } from "./quantize/index.js";
import type { Ranges } from "./quantize/quantization.js";
import type { PortableSource } from "./source.js";

/** float32 and the formats; `ranges` are those of activations, for formats that are calibrated. */
export const variantsOf = (
  source: PortableSource,
  graph: OnnxGraph,
  formats: readonly QuantizationName[],
  ranges: Ranges = new Map(),
): readonly Variant[] => [
  { precision: "float32", model: modelFile(source, graph) },
  ...formats.map((precision): Variant => {
    const { rewrite, operatorSets } = quantizations[precision];
    return { precision, model: modelFile(source, rewrite(graph, ranges), { more: operatorSets }) };
  }),
];
