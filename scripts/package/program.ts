// Trains and predicts as a user's program does: with the installed package, in strict TypeScript (npm run package:check).
import {
  applyTransform,
  Classifier,
  createOnnxEngine,
  evaluationTransform,
  openModel,
  parseRecipe,
  topK,
  train,
} from "deit";

const engine = await createOnnxEngine();
const sizes = { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2 };
const recipe = parseRecipe({ ...sizes, epochs: 1, batchSize: 16, repeatedAugmentation: 1 });
await train({ recipe, engine, data: "procedural:32:64", output: "run", workers: 0 });

const { model, view, weights, classes } = await openModel({ weights: "run" });
const classifier = await Classifier.create({ engine, model }, weights);
const image = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(128) };
const logits = await classifier.logits(applyTransform(image, evaluationTransform(view)), 1);
console.log(`trained, and predicted ${topK(logits, 1).map((i) => classes?.[i] ?? i)}`);
await engine.close();
