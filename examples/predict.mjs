// Load a model and ask it about an image:
//   node examples/predict.mjs WEIGHTS IMAGE [MODEL]
import { readFile } from "node:fs/promises";
import {
  applyTransform,
  Classifier,
  createOnnxEngine,
  decodeImage,
  evaluationTransform,
  openModel,
  softmaxOf,
  topK,
} from "deit";

const [weightsFile, imageFile, name] = process.argv.slice(2);
const engine = await createOnnxEngine();
const { model, view, weights, classes } = await openModel({ weights: weightsFile, model: name });
const classifier = await Classifier.create({ engine, model }, weights);

const image = await decodeImage(await readFile(imageFile), { name: imageFile });
const logits = await classifier.logits(applyTransform(image, evaluationTransform(view)), 1);
const probabilities = softmaxOf(logits);
for (const index of topK(logits, 3)) {
  console.log(`${(100 * probabilities[index]).toFixed(1)} %  ${classes?.[index] ?? `class ${index}`}`);
}
await engine.close();
