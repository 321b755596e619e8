/** A folder for transformers.js: ONNX files in several formats, with their configuration. */

import { jsonFile, type Layout, onnxFiles } from "./layout.js";
import { preprocessorConfig } from "./preprocessor-config.js";
import { labelsOf, transformersModel } from "./transformers-config.js";

export const huggingfaceLayout: Layout = {
  about: "a folder for transformers.js, as on the Hugging Face hub",
  quantized: ["float16", "int8"],
  usage: (folder) => `\`\`\`js
import { env, pipeline } from "@huggingface/transformers";

env.localModelPath = "./"; // the folder that holds "${folder}"
const classify = await pipeline("image-classification", "${folder}", { dtype: "fp32" }); // or fp16, q8
console.log(await classify("cat.jpg"));
\`\`\``,
  files: (source, variants) => {
    const { model } = source;
    // transformers.js chooses its class by this type alone, and each passes pixel_values on to logits.
    const config = model.tokens
      ? {
          ...transformersModel({ ...source, head: "both" }).config,
          model_type: "deit",
          architectures: ["DeiTForImageClassification"],
        }
      : { model_type: "resnet", architectures: ["ResNetForImageClassification"], ...labelsOf(source) };
    return [jsonFile("config.json", config), preprocessorConfig(source.view), ...onnxFiles("onnx/", variants)];
  },
};
