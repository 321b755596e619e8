// Loads exports as Node programs do, and prints one JSON line for each (python_consumers.py does it in Python).
// usage: node node-consumers.mjs EXPORTS REFERENCE IMAGES, in a folder with the consumers' packages
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { denormalized, differenceOf, largestOf, normalized, readReference } from "./reference.mjs";

const [exports, folder, images] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), "package.json"));
const load = async (name) => {
  const module = await import(pathToFileURL(require.resolve(name)));
  return module.default ?? module;
};
const versionOf = (name) => JSON.parse(readFileSync(join(process.cwd(), "node_modules", name, "package.json"))).version;
const reference = readReference(folder, images);
const { files, size, top1, givenShape, pixelValues, logits: expected } = reference;
const print = (line) => console.log(JSON.stringify(line));

for (const name of ["onnxruntime-node", "onnxruntime-web"]) {
  const { InferenceSession, Tensor } = await load(name);
  const session = await InferenceSession.create(readFileSync(join(exports, "onnx/model.onnx")));
  const run = async (pixels, shape) =>
    (await session.run({ pixel_values: new Tensor("float32", pixels, shape) })).logits.data;
  const line = {
    consumer: `${name} ${versionOf(name)}`,
    difference: differenceOf(await run(pixelValues, givenShape), expected),
  };
  if (name === "onnxruntime-web") {
    print(line);
    continue;
  }
  // On the pixels of timm, all images.
  const others = [];
  for (const [i, image] of files.entries()) {
    const answer = largestOf(await run(normalized(reference, i), [1, 3, size, size]));
    if (answer !== top1[image]) others.push({ image, expected: top1[image], answer, onReferencePixels: answer });
  }
  print({ ...line, images: files.length, others, givenPixels: true });
}

// The graph that preprocesses, from the pixels of the JPEG files.
{
  const { InferenceSession, Tensor } = await load("onnxruntime-node");
  const sharp = await load("sharp");
  const session = await InferenceSession.create(join(exports, "onnx/model_with_preprocessing.onnx"));
  const others = [];
  for (const image of files) {
    const { data, info } = await sharp(join(images, image))
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const pixels = new Tensor("uint8", new Uint8Array(data), [info.height, info.width, 3]);
    const answer = largestOf((await session.run({ image: pixels })).probabilities.data);
    if (answer !== top1[image]) others.push({ image, expected: top1[image], answer });
  }
  print({ consumer: "preprocessing in the graph", images: files.length, others });
}

const { AutoImageProcessor, AutoModelForImageClassification, env, pipeline, RawImage, Tensor } =
  await load("@huggingface/transformers");
Object.assign(env, { allowRemoteModels: false, useWasmCache: false, localModelPath: exports });
const js = `transformers.js ${versionOf("@huggingface/transformers")}`;
{
  const classify = await pipeline("image-classification", "huggingface-preprocessing", { dtype: "fp32" });
  const { id2label } = classify.model.config;
  const others = [];
  for (const image of files) {
    const [{ label }] = await classify(join(images, image), { top_k: 1 });
    if (label !== id2label[top1[image]]) others.push({ image, expected: top1[image], answer: label });
  }
  print({ consumer: `${js} in Node, preprocessing in the graph`, images: files.length, others });
}
const model = await AutoModelForImageClassification.from_pretrained("huggingface", { dtype: "fp32" });
const processor = await AutoImageProcessor.from_pretrained("huggingface");
const run = async (pixels, shape) => (await model({ pixel_values: new Tensor("float32", pixels, shape) })).logits.data;
const difference = differenceOf(await run(pixelValues, givenShape), expected);
for (const dtype of ["fp32", "q8"]) {
  const classify = await pipeline("image-classification", "huggingface", { dtype });
  const { id2label } = classify.model.config;
  const [others, made] = [[], []];
  for (const [i, image] of files.entries()) {
    const [{ label }] = await classify(join(images, image), { top_k: 1 });
    // Two classes of ImageNet may have one name.
    if (label === id2label[top1[image]]) continue;
    const answer = Number(Object.keys(id2label).find((id) => id2label[id] === label));
    if (dtype !== "fp32") {
      others.push({ image, expected: top1[image], answer });
      continue;
    }
    const { pixel_values } = await processor(await RawImage.read(join(images, image)));
    made.push(denormalized(reference, pixel_values.data));
    const onReferencePixels = largestOf(await run(normalized(reference, i), [1, 3, size, size]));
    others.push({ image, expected: top1[image], answer, onReferencePixels });
  }
  const pixels = made.length === 0 ? null : join(folder, "transformers.js.u8");
  if (pixels) writeFileSync(pixels, Buffer.concat(made));
  if (dtype === "fp32") print({ consumer: `${js} in Node`, difference, images: files.length, others, pixels });
  else print({ consumer: `${js} in Node, int8`, images: files.length, others, measuredOnly: true });
}
