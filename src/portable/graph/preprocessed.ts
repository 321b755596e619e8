/** An ONNX model of an export whose graph does the preprocessing too. */
import type { OnnxModel } from "../../formats/onnx/graph.js";
import type { PortableSource } from "../source.js";
import { modelFile } from "./model-file.js";
import { resizeOperators, type WholeImage, withPreprocessing } from "./preprocessing.js";

/** The model for whole images, by one for views in any number format. */
export const preprocessed = (
  source: PortableSource,
  { graph, operatorSets }: OnnxModel,
  takes: WholeImage,
): OnnxModel =>
  modelFile(source, withPreprocessing(graph, source.view, takes), {
    operators: resizeOperators,
    more: operatorSets.filter(({ domain }) => domain !== ""),
    preprocesses: true,
  });
