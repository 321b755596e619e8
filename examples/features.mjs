// What a model sees in an image, without its decision: one vector for the image, and one for each patch:
//   node examples/features.mjs WEIGHTS IMAGE [MODEL]
import { readFile } from "node:fs/promises";
import {
  applyTransform,
  createOnnxEngine,
  decodeImage,
  embedding,
  evaluationTransform,
  openModel,
  Probe,
  patchFeatures,
} from "deit";

const [weightsFile, imageFile, name] = process.argv.slice(2);
const engine = await createOnnxEngine();
const { model, view, weights } = await openModel({ weights: weightsFile, model: name });
const [whole, parts] = [embedding(model), patchFeatures(model)];
const probe = await Probe.create(engine, model, weights, (seen) => ({ ...whole(seen), ...parts(seen) }));

const image = await decodeImage(await readFile(imageFile), { name: imageFile });
const features = await probe.run(applyTransform(image, evaluationTransform(view)), 1);
for (const [what, { shape }] of features) console.log(what, shape);
await engine.close();
