/** A folder for Hugging Face transformers in Python. */
import { requireBothHeads } from "./heads.js";
import { jsonFile, type Layout } from "./layout.js";
import { preprocessorConfig } from "./preprocessor-config.js";
import { transformersModel } from "./transformers-config.js";

export const transformersLayout: Layout = {
  about: "a folder for Hugging Face transformers in Python",
  library: "transformers",
  usage: (folder) => `\`\`\`python
from transformers import pipeline

classify = pipeline("image-classification", "${folder}")
print(classify("cat.jpg"))
\`\`\``,
  files: (source) => {
    requireBothHeads(source, "transformers");
    const { config, tensors } = transformersModel(source);
    return [
      jsonFile("config.json", config),
      preprocessorConfig(source.view),
      { kind: "weights", path: "model.safetensors", tensors, metadata: { format: "pt" } },
    ];
  },
};
