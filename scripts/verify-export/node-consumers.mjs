// Loads exports as Node programs do, and prints one JSON line for each (python_consumers.py does it in Python).
// usage: node node-consumers.mjs EXPORTS REFERENCE IMAGES, in a folder with the consumers' packages
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [exports, reference, images] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), "package.json"));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const versionOf = (name) => JSON.parse(readFileSync(join(process.cwd(), "node_modules", name, "package.json"))).version;
const about = JSON.parse(readFileSync(join(reference, "reference.json"), "utf8"));
const floats = (name) => new Float32Array(new Uint8Array(readFileSync(join(reference, name))).buffer);
const [pixels, expected] = [floats("pixel_values.f32"), floats("logits.f32")];
const files = readdirSync(images).sort();

function report(consumer, logits, same) {
  const difference = logits.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
  console.log(JSON.stringify({ consumer, difference, same, images: files.length }));
}

for (const name of ["onnxruntime-node", "onnxruntime-web"]) {
  const module = await load(name);
  const { InferenceSession, Tensor } = module.default ?? module;
  for (const file of ["model.onnx"]) {
    const session = await InferenceSession.create(readFileSync(join(exports, "onnx", file)));
    const { logits } = await session.run({ pixel_values: new Tensor("float32", pixels, about.shape) });
    report(`${name} ${versionOf(name)}`, logits.data);
  }
}

const { AutoImageProcessor, AutoModelForImageClassification, env, pipeline, Tensor } =
  await load("@huggingface/transformers");
Object.assign(env, { allowRemoteModels: false, localModelPath: exports });
const js = `transformers.js ${versionOf("@huggingface/transformers")}`;
const model = await AutoModelForImageClassification.from_pretrained("huggingface", { dtype: "fp32" });
await AutoImageProcessor.from_pretrained("huggingface");
const { logits } = await model({ pixel_values: new Tensor("float32", pixels, about.shape) });
for (const dtype of ["fp32", "q8"]) {
  const classify = await pipeline("image-classification", "huggingface", { dtype });
  const ids = new Map(Object.entries(classify.model.config.id2label).map(([id, label]) => [label, Number(id)]));
  let same = 0;
  for (const file of files) {
    const [{ label }] = await classify(join(images, file), { top_k: 1 });
    if (ids.get(label) === about.top1[file]) same++;
  }
  if (dtype === "fp32") report(`${js}, ${dtype}`, logits.data, same);
  else console.log(JSON.stringify({ consumer: `${js}, ${dtype}`, same, images: files.length }));
}
