/** A folder for transformers.js: ONNX files in several formats, with their configuration. */
import { checkpointTexts } from "../../evaluation/checkpoint-texts.js";
import { preprocessed } from "../graph/preprocessed.js";
import type { PortableSource } from "../source.js";
import { type ExportedFile, jsonFile, type Layout, onnxFiles, type Variant } from "./layout.js";
import { pixelsAsTheyAre, preprocessorConfig } from "./preprocessor-config.js";
import { labelsOf, transformersModel } from "./transformers-config.js";

export const huggingfaceLayout: Layout = {
  about: "a folder for transformers.js, as on the Hugging Face hub",
  library: "transformers.js",
  quantized: ["float16", "int8"],
  usage: (folder) => `\`\`\`js
import { env, pipeline } from "@huggingface/transformers";

env.localModelPath = "./"; // the folder that holds "${folder}"
const classify = await pipeline("image-classification", "${folder}", { dtype: "fp32" }); // or fp16, q8
console.log(await classify("cat.jpg"));
\`\`\``,
  preprocessed: `The ONNX files of this folder do this themselves: \`pixel_values\` is float32 \`[1, 3, height, width]\`, the RGB values of one image
of any size, from 0 to 255, as transformers.js hands them over by \`preprocessor_config.json\`. Images are classified one at a time;
several in one call are an error. The folder is for transformers.js alone.`,
  files: (source, variants, preprocessing) => {
    // transformers.js chooses its class by model_type alone, and each passes pixel_values on to logits.
    const config = source.model.tokens
      ? transformersModel(source).config
      : { model_type: "resnet", architectures: ["ResNetForImageClassification"], ...labelsOf(source) };
    return [
      jsonFile("config.json", config),
      ...(preprocessing
        ? // Without the weights: transformers in Python would hand them the pixels as they are.
          [pixelsAsTheyAre, ...onnxFiles("onnx/", forWholeImages(source, variants), "planes")]
        : [preprocessorConfig(source.view), ...onnxFiles("onnx/", variants), ...weightsOf(source)]),
    ];
  },
};

const forWholeImages = (source: PortableSource, variants: readonly Variant[]): readonly Variant[] =>
  variants.map(({ precision, model }) => ({ precision, model: preprocessed(source, model, "planes") }));

/**
 * The weights too, for transformers in Python and for deit, which continues to train them: where they stand for the same
 * model as the ONNX files.
 */
function weightsOf(source: PortableSource): readonly ExportedFile[] {
  const { model, head } = source;
  if (!model.tokens || (model.distilled && head !== "both")) return [];
  const written = transformersModel(source);
  const metadata = checkpointTexts({ ...source, model: written.model });
  return [{ kind: "weights", path: "model.safetensors", tensors: written.tensors, metadata }];
}
