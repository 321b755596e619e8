/** One ONNX file that any runtime can run. */
import { modelFile } from "../graph/model-file.js";
import { portableGraph } from "../graph/portable.js";
import type { Layout } from "./layout.js";

export const onnxLayout: Layout = {
  about: "one ONNX file for any runtime, with standard operators",
  files: (source) => [
    {
      kind: "onnx",
      path: "model.onnx",
      model: modelFile(source, portableGraph(source.model, source.weights, source.head)),
    },
  ],
};
