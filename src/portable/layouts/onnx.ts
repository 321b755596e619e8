/** ONNX files that any runtime can run. */
import { preprocessed } from "../graph/preprocessed.js";
import type { PortableSource } from "../source.js";
import { type ExportedFile, type Layout, onnxFiles, type Variant } from "./layout.js";

export const onnxLayout: Layout = {
  about: "one ONNX file for any runtime, with standard operators",
  library: "onnx",
  quantized: [],
  usage: (folder) => `\`\`\`js
import { InferenceSession, Tensor } from "onnxruntime-node";

const session = await InferenceSession.create("${folder}/model.onnx");
// pixels: Float32Array of normalised images, [batch, channels, height, width]
const { logits } = await session.run({ pixel_values: new Tensor("float32", pixels, shape) });
\`\`\``,
  preprocessed: `\`model_with_preprocessing.onnx\` does this itself: its input \`image\` is uint8 \`[height, width, 3]\`, the RGB pixels of one
image of any size, its output \`probabilities\`.`,
  files: (source, variants, preprocessing) => [
    ...onnxFiles("", variants),
    ...(preprocessing ? [withPreprocessing(source, variants[0])] : []),
  ],
};

/** A second file, for whole images. */
const withPreprocessing = (source: PortableSource, { model }: Variant): ExportedFile => ({
  ...{ kind: "onnx", path: "model_with_preprocessing.onnx", precision: "float32", takes: "image" },
  model: preprocessed(source, model, "image"),
});
