/** A folder for transformers.js: ONNX files in several formats, with their configuration. */
import { checkpointTexts } from "../../evaluation/checkpoint-texts.js";
import type { PortableSource } from "../source.js";
import { type ExportedFile, jsonFile, type Layout, onnxFiles } from "./layout.js";
import { preprocessorConfig } from "./preprocessor-config.js";
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
  files: (source, variants) => {
    // transformers.js chooses its class by model_type alone, and each passes pixel_values on to logits.
    const config = source.model.tokens
      ? transformersModel(source).config
      : { model_type: "resnet", architectures: ["ResNetForImageClassification"], ...labelsOf(source) };
    return [
      jsonFile("config.json", config),
      preprocessorConfig(source.view),
      ...onnxFiles("onnx/", variants),
      ...weightsOf(source),
    ];
  },
};

/**
 * The weights too, for transformers in Python and for deit, which continues to train them: where they stand for the same
 * model as the ONNX files.
 */
function weightsOf(source: PortableSource): readonly ExportedFile[] {
  const { model, head } = source;
  if (!model.tokens || (model.distilled && head !== "both")) return [];
  const { tensors, changed } = transformersModel(source);
  // deit's own description is of the tensors as they were.
  const metadata = changed ? { format: "pt" } : checkpointTexts(source);
  return [{ kind: "weights", path: "model.safetensors", tensors, metadata }];
}
