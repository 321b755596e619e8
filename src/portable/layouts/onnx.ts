/** ONNX files that any runtime can run. */
import { type Layout, onnxFiles } from "./layout.js";

export const onnxLayout: Layout = {
  about: "one ONNX file for any runtime, with standard operators",
  library: "onnx",
  quantized: [],
  usage: (folder) => `\`\`\`js
import { InferenceSession, Tensor } from "onnxruntime-node";

const session = await InferenceSession.create("${folder}/model.onnx");
// pixels: Float32Array of normalised images, [batch, 3, height, width]
const { logits } = await session.run({ pixel_values: new Tensor("float32", pixels, shape) });
\`\`\``,
  files: (_, variants) => onnxFiles("", variants),
};
